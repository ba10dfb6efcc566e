"""Projects of the shapes that people publish, in words of our own: stub commands make outputs from inputs."""

from typing import NamedTuple

# Writes its arguments after `--out` (a folder if it ends in `/`), from those before it and from itself.
PROGRAM = """\
import pathlib, sys
words = sys.argv[1:]
inputs, outs = words[:words.index("--out")], words[words.index("--out") + 1:]
text = "VERSION\\n"
for word in inputs:
    path = pathlib.Path(word)
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        text += file.read_text() if file.is_file() else f"{file}\\n"
for out in outs:
    for file in [f"{out}a.txt", f"{out}deep/b.txt"] if out.endswith("/") else [out]:
        pathlib.Path(file).parent.mkdir(parents=True, exist_ok=True)
        pathlib.Path(file).write_text(f"{file}: {text}")
"""


class Shape(NamedTuple):
    """The files beside the programs; an input, and in a file of settings a text and another, that matter to it."""

    files: dict[str, str]
    given: str
    setting: tuple[str, str, str]
    program: str = "src/step.py"


def _step(reads: str, makes: str, *, program: str = "src/step.py") -> str:
    return f"cmd: python {program} {reads} --out {makes}"


SHAPES = {
    "tutorial: prepare, featurize, train, evaluate": Shape(
        {
            "dvc.yaml": f"""
stages:
  prepare:
    {_step("data/raw.xml ${prepare.seed}", "data/prepared/")}
    deps: [data/raw.xml, src/step.py]
    params: [prepare.seed, prepare.split]
    outs: [data/prepared]
  featurize:
    {_step("data/prepared", "data/features/")}
    deps: [data/prepared, src/step.py]
    params: [featurize]
    outs: [data/features]
  train:
    {_step("data/features", "model.pkl")}
    deps: [data/features, src/step.py]
    params: [train.n_est, train.seed]
    outs: [model.pkl]
  evaluate:
    {_step("model.pkl data/features", "eval/metrics.json eval/plots/")}
    deps: [model.pkl, data/features, src/step.py]
    metrics: [eval/metrics.json: {{cache: false}}]
    outs: [eval/plots]
metrics: [eval/metrics.json]
plots:
  - ROC: {{template: simple, x: fpr, y: {{eval/plots/a.txt: tpr}}}}
  - eval/plots/deep
""",
            "params.yaml": "prepare: {seed: 1, split: 0.2}\nfeaturize: {max: 5}\ntrain: {n_est: 3, seed: 2}\n",
            "data/raw.xml": "<a/>\n",
        },
        "data/raw.xml", ("params.yaml", "max: 5", "max: 6"),
    ),
    "the settings are a dependency, a folder ends in a slash": Shape(
        {
            "dvc.yaml": f"""
stages:
  load:
    {_step("in.csv params.yaml", "data/x.csv data/y.csv")}
    deps: [src/step.py, params.yaml, in.csv]
    outs: [data/x.csv, data/y.csv]
  train:
    {_step("data/x.csv data/y.csv", "mods/")}
    deps: [src/step.py, params.yaml, data/x.csv, data/y.csv]
    outs: [mods/]
""",
            "params.yaml": "lr: 1\n",
            "in.csv": "1\n",
        },
        "in.csv", ("params.yaml", "lr: 1", "lr: 2"),
    ),
    "places filled in from settings, folders as metrics and plots": Shape(
        {
            "dvc.yaml": f"""
stages:
  preprocess:
    cmd: >-
      python src/step.py
      ${{data.raw}}/${{data.file}}
      --out ${{data.done}}/${{data.file}}
    deps: ["${{data.raw}}/${{data.file}}"]
    params: [data]
    outs:
      - ${{data.done}}/${{data.file}}:
          cache: true
  train:
    {_step("${data.done}/${data.file}", "${model.dir}/${model.name} ${data.split}/")}
    deps: ["${{data.done}}/${{data.file}}"]
    params: [data, model]
    outs: ["${{model.dir}}/${{model.name}}", "${{data.split}}": {{cache: true}}]
  evaluate:
    {_step("${model.dir}/${model.name} ${data.split}", "${report.dir}/ ${report.plots}/")}
    deps: ["${{model.dir}}/${{model.name}}", "${{data.split}}"]
    params: [report]
    metrics: ["${{report.dir}}": {{cache: true}}]
    plots:
      - ${{report.plots}}: {{x: actual, y: predicted, title: A matrix, x_label: A, y_label: B, template: confusion}}
""",
            "params.yaml": """
data: {raw: raw, file: a.csv, done: done, split: split}
model: {dir: models, name: m.bin}
report: {dir: reports, plots: plots, depth: 3}
""",
            "raw/a.csv": "1\n",
        },
        "raw/a.csv", ("params.yaml", "depth: 3", "depth: 4"), program="raw/a.csv",
    ),
    "a stage that makes nothing, and one that reads nothing": Shape(
        {
            "dvc.yaml": f"""
stages:
  filter:
    {_step("src/step.py", "out/ids.csv")}
    deps: [src/step.py]
    outs: [out/ids.csv]
  graph:
    {_step("in.geojson", "out/graph.csv")}
    deps: [src/step.py, in.geojson]
    params: [k]
    outs: [out/graph.csv]
  fetch:
    {_step("out/graph.csv", "fetched/")}
    deps: [src/step.py, out/graph.csv, out/ids.csv]
  fixed:
    cmd: mkdir -p out && echo 1 > out/one.txt
    outs: [out/one.txt]
""",
            "params.yaml": "k: 1\n",
            "in.geojson": "{}\n",
        },
        "in.geojson", ("params.yaml", "k: 1", "k: 2"),
    ),
    "countries by foreach, and one table of all": Shape(
        {
            "dvc.yaml": f"""
vars: [conf/places.yaml]
stages:
  clean:
    foreach: ${{countries}}
    do:
      {_step("raw/${item.code}.csv", "clean/${key}.csv")}
      deps: ["raw/${{item.code}}.csv", src/step.py]
      params: [{{conf/places.yaml: ["countries.${{key}}"]}}, window]
      outs: ["clean/${{key}}.csv"]
  merge:
    {_step("clean", "all.csv")}
    deps: [clean, src/step.py]
    outs: [all.csv: {{persist: true}}]
""",
            "params.yaml": "window: 7\n",
            "conf/places.yaml": "countries:\n  chile: {code: cl, year: 1}\n  peru: {code: pe, year: 2}\n",
            "raw/cl.csv": "1\n",
            "raw/pe.csv": "2\n",
        },
        "raw/pe.csv", ("conf/places.yaml", "year: 1", "year: 3"),
    ),
    "a grid of models and seeds by matrix": Shape(
        {
            "dvc.yaml": f"""
stages:
  train:
    matrix:
      model: ${{models}}
      seed: [1, 2]
      opt: [{{name: sgd, lr: 0.1}}, {{name: adam, lr: 0.01}}]
    desc: ${{item.model}} by ${{item.opt.name}}
    {_step("in.csv ${item.seed} ${item.opt.lr}", "runs/${item.model}-${item.seed}-${item.opt.name}.txt")}
    deps: [in.csv, src/step.py]
    params: [epochs]
    outs: ["runs/${{item.model}}-${{item.seed}}-${{item.opt.name}}.txt"]
  best:
    {_step("runs", "best.txt")}
    deps: [runs, src/step.py]
    outs: [best.txt]
""",
            "params.yaml": "models: [cnn, rnn]\nepochs: 3\n",
            "in.csv": "1\n",
        },
        "in.csv", ("params.yaml", "epochs: 3", "epochs: 4"),
    ),
    "modules, `python -m`, and settings of other kinds": Shape(
        {
            "dvc.yaml": """
stages:
  ingest:
    cmd: python -m src.step in.csv --out data/interim/
    deps: [in.csv, src]
    params: [{conf.toml: [io.sep]}, {conf.json: }]
    outs: [data/interim]
  fit:
    cmd: python -m src.step data/interim --out models/fit.bin
    deps: [data/interim, src]
    params: [{settings.py: [DEPTH, Model.width]}]
    outs: [models/fit.bin]
""",
            "src/__init__.py": "",
            ".dvcignore": "__pycache__\n",
            "conf.toml": "[io]\nsep = ','\n",
            "conf.json": '{"a": {"b": 1}}',
            "settings.py": "DEPTH = 3\nclass Model:\n    width = 5\n",
            "in.csv": "1\n",
        },
        "in.csv", ("conf.json", '"b": 1', '"b": 2'),
    ),
    "several commands, shell and all": Shape(
        {
            "dvc.yaml": """
stages:
  get:
    cmd:
      - mkdir -p work
      - sort in.txt | uniq -c > work/count.txt
      - wc -l < work/count.txt > work/lines.txt
    deps: [in.txt]
    outs: [work/count.txt, work/lines.txt: {cache: false}]
  both:
    cmd: cat work/count.txt work/lines.txt > both.txt && echo ${n} >> both.txt
    deps: [work/count.txt, work/lines.txt]
    outs: [both.txt]
""",
            "params.yaml": "n: 1\n",
            "in.txt": "b\na\nb\n",
            "src/step.py": "",
        },
        "in.txt", ("params.yaml", "n: 1", "n: 2"), program="in.txt",
    ),
    "a pipeline in a folder that works from the top": Shape(
        {
            "dvc.yaml": f"""
stages:
  all:
    {_step("extra/out.txt in.csv", "all.txt")}
    deps: [extra/out.txt, in.csv, src/step.py]
    params: [k]
    outs: [all.txt]
""",
            "extra/dvc.yaml": f"""
stages:
  more:
    wdir: ..
    {_step("in.csv", "extra/out.txt")}
    deps: [in.csv, src/step.py]
    outs: [extra/out.txt]
""",
            "params.yaml": "k: 1\n",
            "in.csv": "1\n",
        },
        "in.csv", ("params.yaml", "k: 1", "k: 2"),
    ),
    "stages that work in folders of their own": Shape(
        {
            "dvc.yaml": f"""
stages:
  left:
    wdir: left
    {_step("../in.csv", "out.txt", program="../src/step.py")}
    deps: [../in.csv, ../src/step.py]
    params: [k, {{../shared.yaml: [s]}}]
    outs: [out.txt]
  right:
    wdir: right/deep
    {_step("../../left/out.txt", "made/", program="../../src/step.py")}
    deps: [../../left/out.txt, ../../src/step.py]
    outs: [made]
""",
            "left/params.yaml": "k: 1\n",
            "right/deep/there.txt": "",
            "shared.yaml": "s: 1\n",
            "in.csv": "1\n",
        },
        "in.csv", ("shared.yaml", "s: 1", "s: 2"),
    ),
    "options from a mapping, artifacts, and what always runs": Shape(
        {
            "dvc.yaml": """
stages:
  train:
    cmd: python src/options.py ${train}
    deps: [in.csv, src/options.py]
    params: [train]
    outs: [model.bin: {desc: weights, type: model, labels: [a, b], meta: {by: us}}]
  report:
    cmd: cat model.bin > report.txt
    deps: [model.bin]
    outs: [report.txt: {cache: false}]
    always_changed: true
  frozen:
    cmd: cp in.csv old.txt
    deps: [in.csv]
    outs: [old.txt]
    frozen: true
artifacts: {best: {path: model.bin, type: model, desc: The best}}
""",
            "src/options.py": "import sys\n"
            "open('model.bin', 'w').write(' '.join(sys.argv[1:]) + open('in.csv').read())\n",
            "params.yaml": "train: {lr: 0.1, layers: [8, 4], verbose: true, quiet: false, name: a b}\n",
            "in.csv": "1\n",
            "old.txt": "old\n",
        },
        "in.csv", ("params.yaml", "lr: 0.1", "lr: 0.2"), program="src/options.py",
    ),
    "values merged from files, mappings and lists, nested foreach": Shape(
        {
            "dvc.yaml": f"""
vars:
  - base: {{dir: out, steps: [one, two]}}
  - conf/more.yaml
  - conf/more.json:extra
stages:
  each:
    foreach: ${{base.steps}}
    do:
      vars: [{{suffix: txt}}]
      {_step("in.csv ${extra.level} ${sizes[0]}", "${base.dir}/${item}.${suffix}")}
      deps: [in.csv, src/step.py]
      outs: ["${{base.dir}}/${{item}}.${{suffix}}"]
  listed:
    foreach:
      - {{name: x, of: one}}
      - {{name: y, of: two}}
    do:
      {_step("${base.dir}/${item.of}.txt", "${base.dir}/${item.name}/")}
      deps: ["${{base.dir}}/${{item.of}}.txt", src/step.py]
      outs: ["${{base.dir}}/${{item.name}}"]
""",
            "conf/more.yaml": "base: {more: 1}\nsizes: [3, 4]\n",
            "conf/more.json": '{"extra": {"level": 1}, "other": 2}',
            "in.csv": "1\n",
        },
        "in.csv", ("conf/more.json", '"level": 1', '"level": 2'),
    ),
}  # fmt: skip
