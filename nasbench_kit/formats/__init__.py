"""Files of others read as data: nothing in them is executed, and what they say of their size is not believed.

`files` opens and `compressed` unpacks; `pickles` (with `numpy_pickles` for the names in them), `torch_file`, `npz`,
`tar`, `csv_columns`, `parquet`, `tfrecord`, `protobuf`, `safetensors` and `xgboost_binary` read one format each. What
they take in time and memory is bounded by the size of the file: `docs/official-releases.md` has the figures.
"""
