"""Java programs of the slow tests, compiled by the compiler that Spark ships: a Java runtime has none."""

import os
import subprocess
from pathlib import Path
from typing import Final

import pyspark

JARS: Final = Path(pyspark.__file__).parent / "jars"
JAVA: Final = str(Path(os.environ["JAVA_HOME"]) / "bin" / "java")


def class_path(*entries: Path) -> str:
    """Spark's jars, after other jars or folders of classes."""
    return ":".join([*map(str, entries), *map(str, sorted(JARS.glob("*.jar")))])


def compile_program(name: str, classes: str, folder: Path) -> Path:
    """Compile a program of this folder into another one.

    Args:
        name: of the program, without ending.
        classes: a class path that has what it imports.
        folder: for what comes out.

    Returns:
        The folder.
    """
    source = str(Path(__file__).with_name(f"{name}.java"))
    compiler = [JAVA, "-cp", class_path(), "org.codehaus.commons.compiler.samples.CompilerDemo"]
    compiled = subprocess.run(
        [*compiler, "-d", str(folder), "-classpath", classes, source], capture_output=True, text=True, check=False
    )
    # It ends with 0 whatever it found.
    assert (folder / f"{name}.class").exists(), compiled.stderr
    return folder
