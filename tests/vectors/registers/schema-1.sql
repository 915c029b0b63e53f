-- Origin: sqlite3 .dump of a home made by sipca at commit 5b496bc (schema 1): init, then sign ec-p256.csr.
PRAGMA application_id = 1397313603;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE IF NOT EXISTS "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO _sqlite_migrations VALUES(1,'sipca','0001_the_register','2026-11-23 16:16:26.312030+00:00');
CREATE TABLE request (
        id INTEGER PRIMARY KEY,
        sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
        der BLOB NOT NULL,
        key_identity BLOB NOT NULL CHECK (length(key_identity) = 32),
        received_at TEXT NOT NULL
    ) STRICT;
INSERT INTO request VALUES(1,X'e7531b0bf1bf960612d37267908b20bd8d23fd6a674d8f4bbbe6c8d6afb887ea',X'308201163081bc020100302b311a301806035504030c1170726f78792e6c61622e6578616d706c65310d300b060355040a0c0441636d653059301306072a8648ce3d020106082a8648ce3d03010703420004ac037242fea1220e163035c463f24262b7a71b6326c75ec98169f89796f03f429b48cfde2f5dd6e5e0998cdd72edbdbcdae6ce06fd072a1bf3357faa2a40d257a02f302d06092a864886f70d01090e3120301e301c0603551d1104153013821170726f78792e6c61622e6578616d706c65300a06082a8648ce3d04030203490030460221009f85ec5fcf4a559447699339ebab7397bbd370d155d7f9531b31d29ef948f441022100c8dc20e9df1ff41cd6e0396ea4180621d3df7bb7ac978727501f4698d80165fd',X'08d99f82ce50566d32b3800bea260d272c6c0c2ff4124bfb6170429434ca47d4','2026-11-23T16:16:26Z');
CREATE TABLE profile_text (
        sha256 BLOB PRIMARY KEY CHECK (length(sha256) = 32),
        name TEXT NOT NULL,
        text TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
INSERT INTO profile_text VALUES(X'0e5f3ad2792c3d461c5ebad21575c0609ff13e26adf8861958a7726833b7256b','issuing',replace('# issuing.toml: the CA that signs devices. No EKU: in some verifiers it would constrain everything below.\nschema = 1\nrole = "issuing"\ndescription = "Issuing CA (intermediate, path length 0)"\nissuer = "root"\nlifetime = "10y"\nmax_lifetime = "50y"\nbackdate = "24h"\n\n[subject]\ntake = ["CN", "O", "C"]\nrequire = ["CN"]\n\n[key]\nallow = ["rsa:2048-8192", "ec:p256", "ec:p384", "ec:p521"]\n\n[extensions]\nkey_usage = ["key_cert_sign", "crl_sign"]\npath_length = 0\n','\n',char(10)));
INSERT INTO profile_text VALUES(X'937fe7d02534cf3ce762f4bf1163b7fd390ef56a05f1f7707b23e34f2b6c0d82','sip',replace('# sip.toml: a SIP device that is TLS server and TLS client with the same certificate (one a TLS context)\nschema = 1\nrole = "end-entity"\ndescription = "SIP over TLS, server and client (mutual TLS); also context 0''s web page and DTLS"\nissuer = "issuing"\nlifetime = "825d"\nmax_lifetime = "10y"\nbackdate = "24h"                             # wrong time zones are commoner than wrong minutes\n\n[subject]\ntake = ["CN", "OU", "O", "L", "ST", "C"]     # the most a request may carry over\nrequire = ["CN"]\n\n[san]\ntake = ["dns", "ip", "uri", "email"]         # kinds a request may carry over\nfrom_cn = true                               # a host name or address in the CN is repeated in the SAN\nrequire = true\ncritical = false                             # a device with peer-name checking rejects a critical SAN that matches no Proxy Set\n\n[key]\nallow = ["rsa:2048-8192", "ec:p256", "ec:p384", "ec:p521"]\n\n[extensions]\nkey_usage = ["digital_signature", "key_encipherment"]\nextended_key_usage = ["server_auth", "client_auth"]\n','\n',char(10)));
INSERT INTO profile_text VALUES(X'a3a6bf94e4a1a768f6c0c9f56e9dd610eb55210fe716185d6008781a9b1720c9','root',replace('# root.toml: the self-signed root (RFC 5280, 4.2.1.9: no path length)\nschema = 1\nrole = "root"\ndescription = "Root CA"\nissuer = "self"\nlifetime = "20y"\nmax_lifetime = "50y"\nbackdate = "24h"\n\n[subject]\ntake = ["CN", "O", "C"]\nrequire = ["CN"]\n\n[key]\nallow = ["rsa:2048-8192", "ec:p256", "ec:p384", "ec:p521"]\n\n[extensions]\nkey_usage = ["key_cert_sign", "crl_sign"]\n','\n',char(10)));
CREATE TABLE plan (
        id INTEGER PRIMARY KEY,
        issuer_id INTEGER NOT NULL REFERENCES issuer (id),
        serial BLOB NOT NULL CHECK (length(serial) BETWEEN 1 AND 20),
        request_id INTEGER REFERENCES request (id),
        profile_sha256 BLOB NOT NULL REFERENCES profile_text (sha256),
        for_issuer_id INTEGER REFERENCES issuer (id),
        device TEXT COLLATE NOCASE,
        context INTEGER,
        lifetime TEXT NOT NULL,
        source TEXT NOT NULL,
        tbs BLOB NOT NULL,
        account BLOB NOT NULL,
        planned_at TEXT NOT NULL,
        UNIQUE (issuer_id, serial)
    ) STRICT;
INSERT INTO "plan" VALUES(1,1,X'7457eb12ab0b4c894a8d26d762835649',NULL,X'a3a6bf94e4a1a768f6c0c9f56e9dd610eb55210fe716185d6008781a9b1720c9',1,NULL,NULL,'founding','init',X'30820114a00302010202107457eb12ab0b4c894a8d26d762835649300a06082a8648ce3d04030230173115301306035504030c0c4f6c64204c616220526f6f74301e170d3236313132323136313632365a170d3436313131373136313632355a30173115301306035504030c0c4f6c64204c616220526f6f743059301306072a8648ce3d020106082a8648ce3d0301070342000418a8b2c1326f058779c68e80c7f53ee3627bcedaa86c2e3c66b29ff42736586b6aaa12d540ddfddedbcaf76c92a695b066217242f8a28be79453368ec2e71688a3423040300f0603551d130101ff040530030101ff300e0603551d0f0101ff040403020106301d0603551d0e041604140a45dda9fa10b09cb3a0fd91ea2452ded2d66584',X'789ca592416bc23014c7bf4ae9d94a1bdb68bd491136261ba8bb3876786d5e35334b2549e764ecbb2f1567eb300719f490fec9fbfd5e5ef2f2e5971c05f3c7beaef3372c4c3f7bf47b3ee82d36e19360de0c726f5e55c6c65cebfa5abea9f63634b04569ff542db005fadfbd56b2c543873ecdbc1d496817dc4657994d7d97879f06a5e695ece7a0799155521b055c1add6a642d44c7904dc6cbf9f3f46c00c66c7e36ec545572819e6a4e765d659b78d6b046a7c26ec85099055fcb9e57cc67cde21fbed3201ff070cf501a6e7728a73b8438610cd212a2300fd3221f4058b23442207142ac9a304a93517c733f1f2038e3e6e0349390d0208a024296111ddb8fd095672a8f84f1318f86bf79b2bad9aeed08c1d4ca3d742c988660cfcd2658dc4dba6fe88fa380a0a5751d47947bb2dc6814a58b7a2abee8191507e1e40de364887944200ff3b818a5318c18a16c48c96890d0387599144856bd0727fac515a16a1e8cd33870214f85c1c0ff7efd018fd34cc4','2026-11-23T16:16:26Z');
INSERT INTO "plan" VALUES(2,1,X'789bdcd48bbdaf6ef34c8f70da7c1aeb',NULL,X'0e5f3ad2792c3d461c5ebad21575c0609ff13e26adf8861958a7726833b7256b',2,NULL,NULL,'founding','init',X'3082013ba0030201020210789bdcd48bbdaf6ef34c8f70da7c1aeb300a06082a8648ce3d04030230173115301306035504030c0c4f6c64204c616220526f6f74301e170d3236313132323136313632365a170d3336313131393136313632355a301a3118301606035504030c0f4f6c64204c61622049737375696e673059301306072a8648ce3d020106082a8648ce3d03010703420004efafcd5ea9e30959391fe14ce426c91a41ed0d23761d8e1fab74c7c4dc4e30614d813579da6efa30419ba9a2f325caf828ec24c1c1facd070e2212b0fabcb0eba366306430120603551d130101ff040830060101ff020100300e0603551d0f0101ff040403020106301d0603551d0e04160414c50dca55a785bc241546fe3765be2c3c18933f46301f0603551d230418301680140a45dda9fa10b09cb3a0fd91ea2452ded2d66584',X'789ca593c16adc3010865f45f8bc0eb66cc9f6de82092434b4b0492e293d8ca4f1aebaaebc4872d3a5e4ddab0d4eec940842023ec823e9fb7e4be3ef7f934e63af9275e246f113a53f6bbf26ab04dc1e4fc56fbd22d720c89573a336db30a3c32832b51b1e42ddc31e4d78b3638f3336795ccdaa3d1e178e8b961c28e34bf65c7a9379dabfe4e11f8fc6e9c19c09705ab68371de8236decd1a33f6fdc2d09eaf6f3777172b7200bfebd190ec45064a85252fb2831d3add23d1d377be2d0e91ee1c6c312a0c0b5ab4fe466fcd8ac8cdf569f039e574b25ff078a5d0781d56d8a85eb24c49600caa9a0949cb9c95bcc3a2e24c209585cceba628ba927f2e128c7e3758ed8fef0b9541c99482a6833c135923450159a79a1c81968c063f559cb3bafc48a8dfd06b159244e534a33ccdf394d2db9cafc343f93df103a159f154cf9be73abbff4800172e18fc68e32d815239481fb4dfa53797e7cb7eff4f23219d694bc7132a7ebecfbfe866187c8c3d215e2547aba18f52abba114aaab2164241c7b12b4a597755a6a09239a088992c1835fc4a27faabbb427b6a9fa8b18821a78d69913cfef807d60f8bc4','2026-11-23T16:16:26Z');
INSERT INTO "plan" VALUES(3,2,X'50bf28ad486b33b3bf5703b2d707f2fa',1,X'937fe7d02534cf3ce762f4bf1163b7fd390ef56a05f1f7707b23e34f2b6c0d82',NULL,NULL,NULL,'default','tests/vectors/samples/ec-p256.csr',X'30820188a003020102021050bf28ad486b33b3bf5703b2d707f2fa300a06082a8648ce3d040302301a3118301606035504030c0f4f6c64204c61622049737375696e67301e170d3236313132323136313632365a170d3239303232343136313632355a302b311a301806035504030c1170726f78792e6c61622e6578616d706c65310d300b060355040a0c0441636d653059301306072a8648ce3d020106082a8648ce3d03010703420004ac037242fea1220e163035c463f24262b7a71b6326c75ec98169f89796f03f429b48cfde2f5dd6e5e0998cdd72edbdbcdae6ce06fd072a1bf3357faa2a40d257a3819e30819b300c0603551d130101ff04023000300e0603551d0f0101ff040403020780301d0603551d250416301406082b0601050507030106082b06010505070302301d0603551d0e04160414396fc3e1ec248b7786060528b64cc44a7af3e334301f0603551d23041830168014c50dca55a785bc241546fe3765be2c3c18933f46301c0603551d1104153013821170726f78792e6c61622e6578616d706c65',X'789c9d93516fda301080ff4a946782123b71026f11eab46ad5fac0f6d2a90f67fb021ec641b1d382a6fef7998a42d8f0d622e5c1be8bbfef2e39fff815370ab58ca7b1edf94f146e3cfb1a8f62b02bdc07375dbbdd8d35f0316e61bdd1e873cada3e985cb6cf3ee36085c6efbade078fe8f865f4b7ee7e60abc5fa4c70d8bf9f09664093c64eff597fe885cb3ecf1eba56b81bb86e66d186146c483f852ef2f6e7873cdc3a3456b566ccc12a316b8d751d28e3ec49637aad0786593dfd54dfcd6f8e0a90d2278e0adf5ba33446566d022a5fc4770b0b0c2aa45a28077aae16065cdfe1f5aad7953ff3e57f4a8bdd137675ef96a3486885c6edd7d78b0f83e2bdb7d2c3947fa30bcae9843582628682e4152fcb8aa52c2d48c5592e449e43090d454af3ebcb01df4cdb29b77b5f41a248a580a280b22ab82f2a2b72d6202d59c191082ab26a426993b38f16f4045a495f45504c52c2922c4b08f996b1a97f087b885c1bf9f824494942f2b778f1f051b91d8cd3db0d42212d24cfca2d93f9e7fa8fbb742979f15609484ef0a1f21515feccf75a4677c0a35b1f5066116ae84039eb053b053a082e52de900a645e314e29a7bc29ca947222cbb46c480321530746b6ebe4403ffb73d8ed07293cc221e4e16042e397c7df875dee42','2026-11-23T16:16:26Z');
CREATE TABLE result (
        plan_id INTEGER PRIMARY KEY REFERENCES plan (id),
        signature BLOB NOT NULL,
        signed_at TEXT NOT NULL
    ) STRICT;
INSERT INTO result VALUES(1,X'3046022100a86db5eb61f464752d36aaa2f2648f3650455b85556e33b6bfc2e986d7492299022100d5871e7da9149f3dbb2e653b29f0a737458f6d0dc29bfc64f4bba72543e1fe71','2026-11-23T16:16:26Z');
INSERT INTO result VALUES(2,X'304502210095282649fad6b4f984c29b2fcf509144ed0a9557ba7d86f46e13ae832bfb0201022054155e1b0737f7426e24df388e58d5fd9dbf3017dcc09eb914918633cff1968a','2026-11-23T16:16:26Z');
INSERT INTO result VALUES(3,X'304402204ed3cde33db80b92bb38591cbb9b3ed7f9f23c1637264852d12ea02436e9b27302203971d1ee24d5bb9e22a420f15e4b0edc3ec8b62a1bc56fad46ab474ea605c9a0','2026-11-23T16:16:26Z');
CREATE TABLE abandonment (
        plan_id INTEGER PRIMARY KEY REFERENCES plan (id),
        reason TEXT NOT NULL,
        abandoned_at TEXT NOT NULL
    ) STRICT;
CREATE TABLE status_event (
        id INTEGER PRIMARY KEY,
        issuer_id INTEGER NOT NULL REFERENCES issuer (id),
        serial BLOB NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('revoked', 'held', 'released')),
        reason TEXT NOT NULL,
        happened_at TEXT NOT NULL
    ) STRICT;
CREATE TABLE supersession (
        old_plan_id INTEGER NOT NULL REFERENCES plan (id),
        new_plan_id INTEGER NOT NULL REFERENCES plan (id),
        superseded_at TEXT NOT NULL,
        PRIMARY KEY (old_plan_id, new_plan_id)
    ) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        action TEXT NOT NULL,
        subject TEXT NOT NULL,
        detail TEXT NOT NULL,
        row_table TEXT NOT NULL,
        row_id INTEGER,
        row_hash BLOB NOT NULL,
        os_user TEXT NOT NULL,
        host TEXT NOT NULL,
        version TEXT NOT NULL,
        previous BLOB NOT NULL,
        hash BLOB NOT NULL UNIQUE
    ) STRICT;
INSERT INTO audit VALUES(1,'2026-11-23T16:16:26Z','init','Old Lab','{"wishes":"{\"base_url\":null,\"country\":null,\"issuing_key\":\"ec:p256\",\"issuing_lifetime\":\"P3650D\",\"name\":\"Old Lab\",\"org\":null,\"permit_dns\":[],\"permit_ip\":[],\"protect\":\"none\",\"root_key\":\"ec:p256\",\"root_lifetime\":\"P7300D\"}"}','',NULL,X'','root','vm','0.1.0',X'0000000000000000000000000000000000000000000000000000000000000000',X'c331c7bfabe5c9cba982c249ba41d395e514c17d5cb2b2bf7f05af6855cab8b0');
INSERT INTO audit VALUES(2,'2026-11-23T16:16:26Z','issued','7457eb12ab0b4c894a8d26d762835649','{"profile":"root","serial":"7457eb12ab0b4c894a8d26d762835649","subject":"CN=Old Lab Root"}','result',1,X'4291e60fa6e95e70fa2ed68438c92b320ca9a783daba642ed1b2823531ec4489','root','vm','0.1.0',X'c331c7bfabe5c9cba982c249ba41d395e514c17d5cb2b2bf7f05af6855cab8b0',X'5f646eb110fe9a37948c738e32a512a75dbb69b997b065a5854afd5761bc5e61');
INSERT INTO audit VALUES(3,'2026-11-23T16:16:26Z','issued','789bdcd48bbdaf6ef34c8f70da7c1aeb','{"profile":"issuing","serial":"789bdcd48bbdaf6ef34c8f70da7c1aeb","subject":"CN=Old Lab Issuing"}','result',2,X'b8a93c39bb892d2a86888bb2e4e109f51d09996cd21a0d560fc40ac82f68ea4c','root','vm','0.1.0',X'5f646eb110fe9a37948c738e32a512a75dbb69b997b065a5854afd5761bc5e61',X'0447de5b7de35a9b82e422d51b737812f61e7b39ae03827dc605180d1401a69c');
INSERT INTO audit VALUES(4,'2026-11-23T16:16:26Z','issued','50bf28ad486b33b3bf5703b2d707f2fa','{"profile":"sip","serial":"50bf28ad486b33b3bf5703b2d707f2fa","subject":"CN=proxy.lab.example, O=Acme"}','result',3,X'2e0943bab931b986134d29421b9d86cdf630f1d813524a51359e7bf92d352ab4','root','vm','0.1.0',X'0447de5b7de35a9b82e422d51b737812f61e7b39ae03827dc605180d1401a69c',X'a2b242ea558ef604db98f0f73aaaac75dc8fd146b2b2c34c28aa72eccbb0d6a5');
CREATE TABLE key (
        id INTEGER PRIMARY KEY,
        label TEXT NOT NULL,
        public BLOB NOT NULL UNIQUE,
        pkcs8 BLOB NOT NULL,
        encrypted INTEGER NOT NULL CHECK (encrypted IN (0, 1)),
        made_at TEXT NOT NULL
    ) STRICT;
INSERT INTO "key" VALUES(1,'root CA',X'3059301306072a8648ce3d020106082a8648ce3d0301070342000418a8b2c1326f058779c68e80c7f53ee3627bcedaa86c2e3c66b29ff42736586b6aaa12d540ddfddedbcaf76c92a695b066217242f8a28be79453368ec2e71688',X'308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b02010104204a0c5e7defd1e76303cdf6e79b2c29b889531a12eb26de5303293f2d8c6c5bb4a1440342000418a8b2c1326f058779c68e80c7f53ee3627bcedaa86c2e3c66b29ff42736586b6aaa12d540ddfddedbcaf76c92a695b066217242f8a28be79453368ec2e71688',0,'2026-11-23T16:16:26Z');
INSERT INTO "key" VALUES(2,'issuing CA',X'3059301306072a8648ce3d020106082a8648ce3d03010703420004efafcd5ea9e30959391fe14ce426c91a41ed0d23761d8e1fab74c7c4dc4e30614d813579da6efa30419ba9a2f325caf828ec24c1c1facd070e2212b0fabcb0eb',X'308187020100301306072a8648ce3d020106082a8648ce3d030107046d306b0201010420274781a998d521134483ea0f4a45f5547e1dca6ec70d2066b5a1d395cb985416a14403420004efafcd5ea9e30959391fe14ce426c91a41ed0d23761d8e1fab74c7c4dc4e30614d813579da6efa30419ba9a2f325caf828ec24c1c1facd070e2212b0fabcb0eb',0,'2026-11-23T16:16:26Z');
CREATE TABLE issuer (
        id INTEGER PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('root', 'issuing')),
        ca_id TEXT NOT NULL UNIQUE CHECK (length(ca_id) = 8),
        key_id INTEGER NOT NULL REFERENCES key (id),
        parent_id INTEGER REFERENCES issuer (id),
        is_current INTEGER NOT NULL CHECK (is_current IN (0, 1))
    ) STRICT;
INSERT INTO issuer VALUES(1,'root','0a45dda9',1,NULL,1);
INSERT INTO issuer VALUES(2,'issuing','c50dca55',2,1,1);
CREATE TABLE setting (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
INSERT INTO setting VALUES('founding_wishes','{"base_url":null,"country":null,"issuing_key":"ec:p256","issuing_lifetime":"P3650D","name":"Old Lab","org":null,"permit_dns":[],"permit_ip":[],"protect":"none","root_key":"ec:p256","root_lifetime":"P7300D"}');
INSERT INTO setting VALUES('name','Old Lab');
CREATE TABLE certificate (
        plan_id INTEGER PRIMARY KEY REFERENCES plan (id),
        not_before INTEGER NOT NULL,
        not_after INTEGER NOT NULL,
        key_identity BLOB NOT NULL
    ) STRICT;
INSERT INTO certificate VALUES(1,1795364186,2426084185,X'ff6a64028a14d65a20a87e805d3c1da739dee686c0d315645827bc74aeabd08e');
INSERT INTO certificate VALUES(2,1795364186,2110724185,X'7922407005a30a388045befa90251416f83b734a308b6f15a7b23bfdf543b941');
INSERT INTO certificate VALUES(3,1795364186,1866644185,X'08d99f82ce50566d32b3800bea260d272c6c0c2ff4124bfb6170429434ca47d4');
CREATE TABLE san (
        folded TEXT NOT NULL,
        plan_id INTEGER NOT NULL REFERENCES plan (id),
        kind TEXT NOT NULL,
        PRIMARY KEY (folded, plan_id, kind)
    ) STRICT, WITHOUT ROWID;
INSERT INTO san VALUES('old lab issuing',2,'cn');
INSERT INTO san VALUES('old lab root',1,'cn');
INSERT INTO san VALUES('proxy.lab.example',3,'cn');
INSERT INTO san VALUES('proxy.lab.example',3,'dns');
CREATE TABLE status (
        issuer_id INTEGER NOT NULL,
        serial BLOB NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('revoked', 'held')),
        reason TEXT NOT NULL,
        happened_at TEXT NOT NULL,
        PRIMARY KEY (issuer_id, serial)
    ) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX plan_by_request ON plan (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX plan_by_device ON plan (device) WHERE device IS NOT NULL;
CREATE INDEX plan_for_issuer ON plan (for_issuer_id)
        WHERE for_issuer_id IS NOT NULL;
CREATE INDEX supersession_by_new ON supersession (new_plan_id);
CREATE INDEX certificate_by_end ON certificate (not_after);
CREATE INDEX certificate_by_key ON certificate (key_identity);
CREATE TRIGGER request_no_update BEFORE UPDATE ON request BEGIN SELECT RAISE(ABORT, 'request is append-only'); END;
CREATE TRIGGER request_no_delete BEFORE DELETE ON request BEGIN SELECT RAISE(ABORT, 'request is append-only'); END;
CREATE TRIGGER request_no_replace BEFORE INSERT ON request WHEN EXISTS (SELECT 1 FROM request WHERE sha256 = NEW.sha256 OR id = NEW.id) BEGIN SELECT RAISE(ABORT, 'request is append-only: constraint, such a row exists'); END;
CREATE TRIGGER profile_text_no_update BEFORE UPDATE ON profile_text BEGIN SELECT RAISE(ABORT, 'profile_text is append-only'); END;
CREATE TRIGGER profile_text_no_delete BEFORE DELETE ON profile_text BEGIN SELECT RAISE(ABORT, 'profile_text is append-only'); END;
CREATE TRIGGER profile_text_no_replace BEFORE INSERT ON profile_text WHEN EXISTS (SELECT 1 FROM profile_text WHERE sha256 = NEW.sha256) BEGIN SELECT RAISE(ABORT, 'profile_text is append-only: constraint, such a row exists'); END;
CREATE TRIGGER plan_no_update BEFORE UPDATE ON plan BEGIN SELECT RAISE(ABORT, 'plan is append-only'); END;
CREATE TRIGGER plan_no_delete BEFORE DELETE ON plan BEGIN SELECT RAISE(ABORT, 'plan is append-only'); END;
CREATE TRIGGER plan_no_replace BEFORE INSERT ON plan WHEN EXISTS (SELECT 1 FROM plan WHERE id = NEW.id OR (issuer_id = NEW.issuer_id AND serial = NEW.serial)) BEGIN SELECT RAISE(ABORT, 'plan is append-only: constraint, such a row exists'); END;
CREATE TRIGGER result_no_update BEFORE UPDATE ON result BEGIN SELECT RAISE(ABORT, 'result is append-only'); END;
CREATE TRIGGER result_no_delete BEFORE DELETE ON result BEGIN SELECT RAISE(ABORT, 'result is append-only'); END;
CREATE TRIGGER result_no_replace BEFORE INSERT ON result WHEN EXISTS (SELECT 1 FROM result WHERE plan_id = NEW.plan_id) BEGIN SELECT RAISE(ABORT, 'result is append-only: constraint, such a row exists'); END;
CREATE TRIGGER abandonment_no_update BEFORE UPDATE ON abandonment BEGIN SELECT RAISE(ABORT, 'abandonment is append-only'); END;
CREATE TRIGGER abandonment_no_delete BEFORE DELETE ON abandonment BEGIN SELECT RAISE(ABORT, 'abandonment is append-only'); END;
CREATE TRIGGER abandonment_no_replace BEFORE INSERT ON abandonment WHEN EXISTS (SELECT 1 FROM abandonment WHERE plan_id = NEW.plan_id) BEGIN SELECT RAISE(ABORT, 'abandonment is append-only: constraint, such a row exists'); END;
CREATE TRIGGER status_event_no_update BEFORE UPDATE ON status_event BEGIN SELECT RAISE(ABORT, 'status_event is append-only'); END;
CREATE TRIGGER status_event_no_delete BEFORE DELETE ON status_event BEGIN SELECT RAISE(ABORT, 'status_event is append-only'); END;
CREATE TRIGGER status_event_no_replace BEFORE INSERT ON status_event WHEN EXISTS (SELECT 1 FROM status_event WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'status_event is append-only: constraint, such a row exists'); END;
CREATE TRIGGER supersession_no_update BEFORE UPDATE ON supersession BEGIN SELECT RAISE(ABORT, 'supersession is append-only'); END;
CREATE TRIGGER supersession_no_delete BEFORE DELETE ON supersession BEGIN SELECT RAISE(ABORT, 'supersession is append-only'); END;
CREATE TRIGGER supersession_no_replace BEFORE INSERT ON supersession WHEN EXISTS (SELECT 1 FROM supersession WHERE old_plan_id = NEW.old_plan_id AND new_plan_id = NEW.new_plan_id) BEGIN SELECT RAISE(ABORT, 'supersession is append-only: constraint, such a row exists'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_no_replace BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id OR hash = NEW.hash) BEGIN SELECT RAISE(ABORT, 'audit is append-only: constraint, such a row exists'); END;
CREATE TRIGGER result_excludes_abandonment BEFORE INSERT ON result WHEN EXISTS (SELECT 1 FROM abandonment WHERE plan_id = NEW.plan_id) BEGIN SELECT RAISE(ABORT, 'constraint: this plan has abandonment already'); END;
CREATE TRIGGER abandonment_excludes_result BEFORE INSERT ON abandonment WHEN EXISTS (SELECT 1 FROM result WHERE plan_id = NEW.plan_id) BEGIN SELECT RAISE(ABORT, 'constraint: this plan has result already'); END;
COMMIT;
