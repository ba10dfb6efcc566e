"""The content of a project that a failing stage must leave alone."""

from tests.project import Project


def state_of(project: Project) -> dict[str, tuple[int, int]]:
    """Inode and mtime of every image stack and images manifest: a stage that failed must leave them alone.

    What it finished and the next run takes up (`.morphseq-*`) is no content.
    """
    paths = [*project.root.glob("data/**/*.tif"), *project.root.glob("manifests/images/*.json")]
    content = [path for path in sorted(paths) if "/.morphseq-" not in str(path)]
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in content}
