# /// script
# requires-python = ">=3.11,<3.14"
# dependencies = [
#   "mlflow-skinny==3.17.2",
#   "fastapi==0.165.0",
#   "numpy==2.4.6",
#   "pandas==3.1.1",
#   "scikit-learn==1.9.1",
#   "scipy==1.17.1",
#   "skops==0.16.0",
#   "uvicorn==0.54.0",
# ]
# ///
"""MLflow's own scoring server before a model trained here: `script <rows.csv> <columns> <port>`.

Run by `uv run --script`, which installs what it needs apart from the project's lock file.
"""

import sys
import tempfile
from pathlib import Path

import mlflow.pyfunc
import mlflow.sklearn
import pandas as pd
import uvicorn
from mlflow.models import infer_signature
from mlflow.pyfunc import scoring_server
from sklearn.linear_model import LogisticRegression


def main(rows: str, columns: str, port: str) -> None:
    frame = pd.read_csv(rows)
    inputs = frame[columns.split(",")]
    model = LogisticRegression().fit(inputs, frame["label"])
    with tempfile.TemporaryDirectory() as folder:
        place = str(Path(folder) / "model")
        signature = infer_signature(inputs, model.predict_proba(inputs))
        mlflow.sklearn.save_model(
            model,
            place,
            signature=signature,
            pyfunc_predict_fn="predict_proba",
            pip_requirements=["scikit-learn"],
        )
        app = scoring_server.init(mlflow.pyfunc.load_model(place))
        uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
