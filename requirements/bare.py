"""Names a package that is locked with an extra without it as well: `python requirements/bare.py FILE PACKAGE`.

pip in hash-checking mode wants a pinned version for each of `sqlalchemy[asyncio]` and `sqlalchemy`, and uv writes the first alone.
"""

import re
import sys
from pathlib import Path

path, package = Path(sys.argv[1]), sys.argv[2]
text = path.read_text()
found = re.search(rf"^{package}\[[^\]]*\](==.*?)(?=\n    #|\n\S)", text, re.M | re.S)
if found is not None and not re.search(rf"^{package}==", text, re.M):
    path.write_text(f"{text[: found.start()]}{package}{found[1]}\n{text[found.start() :]}")
