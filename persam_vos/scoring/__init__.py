"""J and F as the DAVIS toolkit defines them; numpy only."""
