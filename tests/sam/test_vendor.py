"""Each case needs an interpreter in which nothing has been imported yet."""

import subprocess
import sys

import pytest

STAND_IN = {
    "__init__.py": "",
    "transforms/__init__.py": "",
    "transforms/functional.py": "resize = to_pil_image = None",
    "ops/__init__.py": "",
    "ops/boxes.py": "batched_nms = box_area = None",
}
PRIVATE = "persam_vos.sam._segment_anything_modeling"
CASES = {
    "without torchvision": f"""
import sys; sys.modules['torchvision'] = None
from persam_vos.sam.vendor import load_modeling
assert load_modeling().__name__ == '{PRIVATE}'
assert load_modeling() is load_modeling()
assert not [name for name in sys.modules if name.startswith('segment_anything')]
load_modeling().TwoWayTransformer(depth=1, embedding_dim=8, mlp_dim=8, num_heads=1)
""",
    "torchvision is there and takes its time": f"""
import sys
from persam_vos.sam.vendor import load_modeling
assert load_modeling().__name__ == '{PRIVATE}'
assert 'torchvision' not in sys.modules
# The user's own import works as if we had never been there.
import segment_anything
assert segment_anything.modeling.Sam.__module__ == 'segment_anything.modeling.sam'
assert load_modeling() is sys.modules['{PRIVATE}']
""",
    "a torchvision that cannot be imported": f"""
import sys; sys.path.insert(0, 'broken')
from persam_vos.sam.vendor import load_modeling
assert load_modeling().__name__ == '{PRIVATE}'
assert 'segment_anything' not in sys.modules
""",
}


@pytest.mark.parametrize("program", CASES.values(), ids=CASES.keys())
def test_modeling_is_loaded(program, tmp_path, monkeypatch):
    for name, content in STAND_IN.items():
        path = tmp_path / "torchvision" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    broken = tmp_path / "broken" / "torchvision"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise RuntimeError('built for another torch')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    subprocess.run([sys.executable, "-c", program], check=True, cwd=tmp_path)
