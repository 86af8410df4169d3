-- Whether the cookies of a session outlive the browser: every renewal has to set them as the login did.
ALTER TABLE gatepass_session ADD COLUMN remember INTEGER NOT NULL DEFAULT 1;
