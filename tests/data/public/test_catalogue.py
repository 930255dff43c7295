import ast
import json
import shlex

import pytest
import tensorflow_datasets as tfds

from gru_bench.data.factory import make_data
from gru_bench.errors import ConfigError, DataError
from gru_bench.sections import DataConfig, PathsConfig

TRAIN = [f"review number {index % 7} is good" for index in range(60)]


class SmallReviews(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Several short texts per split and no validation split."""

    VERSION = tfds.core.Version("1.0.0")

    def _info(self):
        features = tfds.features.FeaturesDict(
            {"text": tfds.features.Text(), "label": tfds.features.ClassLabel(num_classes=2)}
        )
        return tfds.core.DatasetInfo(builder=self, features=features)

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(TRAIN), "test": self._generate_examples(["a bad review"] * 8)}

    def _generate_examples(self, texts):
        for index, text in enumerate(texts):
            yield index, {"text": text, "label": index % 2}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    SmallReviews(data_dir=folder).download_and_prepare(file_format="array_record")
    return folder


@pytest.fixture
def load(tmp_path, data_dir):
    def load(**options):
        config = DataConfig(source="tfds", options={"name": "small_reviews", "data_dir": str(data_dir)} | options)
        return make_data(config, PathsConfig(cache=str(tmp_path)), "tokens")

    return load


def test_words_of_all_examples_with_validation_cut_from_train(load):
    corpus = load(level="word", valid_fraction=0.1)
    assert corpus.name == "tfds:small_reviews"
    assert corpus.facts["cut_from_train"] == ["valid"]
    assert corpus.facts["tfds"] == "small_reviews/1.0.0"
    assert corpus.train.size + corpus.valid.size == 60 * 6
    assert corpus.valid.size == 36
    assert corpus.vocabulary.decode(corpus.test) == "<unk> <unk> review\n" * 8
    assert corpus.facts["unknown"]["test"] == 16
    text = corpus.vocabulary.decode(corpus.train)
    assert sorted(text.splitlines()) != text.splitlines()


@pytest.mark.parametrize("level", ["char", "byte"])
def test_characters_and_bytes(load, level):
    corpus = load(level=level)
    assert corpus.level == level
    text = corpus.vocabulary.decode(corpus.train) + corpus.vocabulary.decode(corpus.valid)
    assert sorted(text.splitlines()) == sorted(TRAIN)


def test_fewer_examples_on_request(load):
    assert load(level="char", max_examples=5, valid_fraction=0.2).test.size == 5 * len("a bad review\n")


def test_a_version_may_be_named(load):
    assert load(name="small_reviews:1.0.0").facts["digest"] == load().facts["digest"]
    with pytest.raises(DataError, match=r"small_reviews:2\.0\.0 is not prepared"):
        load(name="small_reviews:2.0.0")


def test_not_prepared_gives_the_command(load, tmp_path):
    folder = tmp_path / "it's here"
    with pytest.raises(DataError) as caught:
        load(name="lm1b", data_dir=str(folder))
    install, command = [line for line in str(caught.value).splitlines() if line.startswith("  ")]
    assert "pip install tensorflow-cpu" in install
    _, flag, code = shlex.split(command)
    assert flag == "-c"
    constants = [node.value for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Constant)]
    assert constants == ["lm1b", str(folder), "array_record"]


def test_the_default_folder_is_that_of_tensorflow_datasets(load, data_dir, monkeypatch):
    with pytest.raises(DataError):
        load(data_dir=None)
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))
    assert load(data_dir=None).facts["tfds"] == "small_reviews/1.0.0"


def test_prepared_configurations_are_named(load, tmp_path, data_dir):
    target = tmp_path / "many" / "wiki" / "en"
    target.mkdir(parents=True)
    (target / "1.0.0").symlink_to(data_dir / "small_reviews" / "1.0.0")
    with pytest.raises(DataError, match=r"such as data.name=wiki/en"):
        load(name="wiki", data_dir=str(tmp_path / "many"))
    assert load(name="wiki/en", data_dir=str(tmp_path / "many")).facts["tfds"] == "wiki/en/1.0.0"


def test_another_file_format_is_explained(load, tmp_path, data_dir):
    import shutil

    folder = shutil.copytree(data_dir / "small_reviews", tmp_path / "old" / "small_reviews") / "1.0.0"
    info = json.loads((folder / "dataset_info.json").read_text())
    (folder / "dataset_info.json").write_text(json.dumps(info | {"fileFormat": "tfrecord"}))
    with pytest.raises(DataError, match="not as array_record"):
        load(data_dir=str(tmp_path / "old"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"text_feature": "txt"}, r"data.text_feature: found 'txt', allowed: text. Did you mean 'text'"),
        ({"text_feature": "label"}, r"data.text_feature: found 'label', allowed: text"),
        ({"name": "../secrets"}, "data.name: found"),
        ({"name": "a/b/c"}, "data.name: found"),
        ({"name": None}, "data.name: found nothing"),
        ({"level": "words"}, "data.level: found 'words'"),
    ],
)
def test_bad_options_name_their_key(load, options, message):
    with pytest.raises(ConfigError, match=message):
        load(**options)


@pytest.fixture
def load_texts(tmp_path, data_dir):
    def load(**options):
        options = {"name": "small_reviews", "data_dir": str(data_dir), "valid_fraction": 0.1} | options
        return make_data(DataConfig(source="tfds", options=options), PathsConfig(cache=str(tmp_path)), "texts")

    return load


def test_labelled_texts(load_texts):
    data = load_texts()
    assert data.classes == ("0", "1")
    assert data.facts["cut_from_train"] == ["valid"]
    assert sorted(data.train.texts + data.valid.texts) == sorted(TRAIN)
    assert data.test.texts == ("a bad review",) * 8
    assert sorted(data.test.labels.tolist()) == [0] * 4 + [1] * 4
    assert data.form.max_length == 256


def test_labels_of_another_feature(load_texts):
    with pytest.raises(ConfigError, match=r"data.label_feature: found 'lable', allowed: .*Did you mean 'label'"):
        load_texts(label_feature="lable")
