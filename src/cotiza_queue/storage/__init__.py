"""Files of tenants: uploads, thumbnails, reports. A narrow protocol, so that a store is one small
module.

Keys look like ``<tenant>/<kind>/<name>``; a key never leaves its tenant's prefix. The URL of a
stored file inside the system is ``file-store://<key>``; users fetch it through the API's ``/files``
route, which checks the tenant.
"""

from __future__ import annotations

from .protocol import SCHEME, BlobInfo, BlobStore, blob_key, key_of_url, url_of_key

__all__ = ["SCHEME", "BlobInfo", "BlobStore", "blob_key", "key_of_url", "url_of_key"]
