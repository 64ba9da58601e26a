"""`python -m persam_vos` is the command line."""

from persam_vos_cli.main import main

if __name__ == "__main__":
    main()
