-- What all nodes share under a name, such as the sealed key ring. Each write counts the version.
CREATE TABLE gatepass_document (
    name TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT, WITHOUT ROWID;
