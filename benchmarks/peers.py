"""What users would pick instead: each fits on texts and labels, and predicts labels and scores.

Heavy libraries are imported where they are used, so that each process holds what it measures.
"""

from __future__ import annotations

import pickle
import tempfile
from pathlib import Path
from typing import Any

Answer = tuple[Any, Any]  # (n,) labels, (n, K) probabilities or None


class ScikitLearn:
    """A scikit-learn estimator, stored as a pickle."""

    def build(self) -> Any:
        raise NotImplementedError

    def fit(self, texts: list[str], labels: list[str]) -> None:
        self.model = self.build().fit(texts, labels)
        self.classes = list(self.model.classes_)

    def predict(self, texts: list[str]) -> Answer:
        if not hasattr(self.model, "predict_proba"):
            return self.model.predict(texts), None
        proba = self.model.predict_proba(texts)
        return self.model.classes_[proba.argmax(axis=1)], proba

    def save(self, path: Path) -> None:
        path.write_bytes(pickle.dumps(self.model))

    def load(self, path: Path) -> None:
        self.model = pickle.loads(path.read_bytes())


class WordsAndCharactersSvc(ScikitLearn):
    def build(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline, make_union
        from sklearn.svm import LinearSVC

        words = TfidfVectorizer(ngram_range=(1, 2))
        characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5))
        return make_pipeline(make_union(words, characters), LinearSVC())


class WordsLogisticRegression(ScikitLearn):
    def build(self) -> Any:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        return make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=1000))


class OriginalConfiguration(ScikitLearn):
    """TF-IDF of 100 words straight into CatBoost."""

    def build(self) -> Any:
        from catboost import CatBoostClassifier
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.pipeline import make_pipeline

        boosted = CatBoostClassifier(iterations=50, verbose=False, allow_writing_files=False)
        return make_pipeline(TfidfVectorizer(max_features=100), boosted)


class CatBoostText:
    """CatBoost's own text features."""

    def fit(self, texts: list[str], labels: list[str]) -> None:
        from catboost import CatBoostClassifier

        self.model = CatBoostClassifier(iterations=400, verbose=False, allow_writing_files=False)
        self.model.fit([[text] for text in texts], labels, text_features=[0])
        self.classes = list(self.model.classes_)

    def predict(self, texts: list[str]) -> Answer:
        proba = self.model.predict_proba([[text] for text in texts])
        return self.model.classes_[proba.argmax(axis=1)], proba

    def save(self, path: Path) -> None:
        self.model.save_model(path)

    def load(self, path: Path) -> None:
        from catboost import CatBoostClassifier

        self.model = CatBoostClassifier().load_model(path)


class FastText:
    """fastText, tuned a little: word pairs, parts of words, more and bolder rounds."""

    def fit(self, texts: list[str], labels: list[str]) -> None:
        import fasttext

        self.classes = sorted(set(labels))
        numbers = {label: number for number, label in enumerate(self.classes)}
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            for text, label in zip(texts, labels, strict=True):
                file.write(f"__label__{numbers[label]} {_one_line(text)}\n")
            file.flush()
            grams = {"minn": 2, "maxn": 5, "wordNgrams": 2, "bucket": 200_000, "dim": 50}
            self.model = fasttext.train_supervised(file.name, epoch=25, lr=0.5, verbose=0, **grams)

    def predict(self, texts: list[str]) -> Answer:
        import numpy as np

        labels, confidences = self.model.predict([_one_line(text) for text in texts], k=-1)
        proba = np.zeros((len(texts), len(self.classes)))
        for row, (names, values) in enumerate(zip(labels, confidences, strict=True)):
            for name, value in zip(names, values, strict=True):
                proba[row, _number(name)] = value
        proba /= proba.sum(axis=1, keepdims=True)
        return np.array(self.classes, object)[proba.argmax(axis=1)], proba

    def predict_best(self, texts: list[str]) -> tuple[list[str], list[float]]:
        """Label and confidence alone, which is all that scoring a file needs."""
        labels, confidences = self.model.predict([_one_line(text) for text in texts])
        found = [self.classes[_number(names[0])] for names in labels]
        return found, [float(values[0]) for values in confidences]

    def save(self, path: Path) -> None:
        self.model.save_model(str(path))
        path.with_suffix(".classes").write_bytes(pickle.dumps(self.classes))

    def load(self, path: Path) -> None:
        import fasttext

        self.model = fasttext.load_model(str(path))
        self.classes = pickle.loads(path.with_suffix(".classes").read_bytes())


def _one_line(text: str) -> str:
    return " ".join(text.lower().split())


def _number(label: str) -> int:
    return int(label.removeprefix("__label__"))


class Ours(ScikitLearn):
    def build(self) -> Any:
        from common.models.boosted import TextClassifier

        return TextClassifier()


CONTENDERS: dict[str, Any] = {
    "ours": Ours,
    "scikit-learn words + characters -> LinearSVC": WordsAndCharactersSvc,
    "scikit-learn words -> logistic regression": WordsLogisticRegression,
    "fastText": FastText,
    "CatBoost text features": CatBoostText,
    "TF-IDF 100 words -> CatBoost 50 trees": OriginalConfiguration,
}
