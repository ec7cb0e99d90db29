"""A bucket of an object store of one's own: python -m shortlist.store.buckets NAME makes it where it is missing.

Address and keys come from the environment, as for everything that reads and writes there.
"""

import os
import sys

from pyarrow import fs


def make_bucket(name: str) -> None:
    """Make a bucket; one that is there is left as it is.

    Raises:
        OSError: the server does not answer, or refuses.
    """
    address = os.environ.get("AWS_ENDPOINT_URL")
    fs.S3FileSystem(endpoint_override=address, allow_bucket_creation=True).create_dir(name, recursive=False)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("error: which bucket? next: python -m shortlist.store.buckets NAME")
    make_bucket(sys.argv[1])
