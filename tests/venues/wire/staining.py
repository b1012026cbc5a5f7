"""Documents of a venue with one thing wrong, for the fuzzing of its decoders."""

import json

from hypothesis import strategies as st


def with_one_change(draw: st.DrawFn, sample: str, values: st.SearchStrategy[object]) -> str:
    """The JSON document with one value, however deep, replaced by one of `values`, or taken out."""
    document = json.loads(sample)
    node = document
    while True:
        keys: list[object] = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if isinstance(node[key], dict | list) and draw(st.booleans()):
            node = node[key]
            continue
        if isinstance(node, dict) and draw(st.booleans()):
            del node[key]
        else:
            node[key] = draw(values)
        break
    return json.dumps(document)
