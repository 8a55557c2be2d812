-- A row marks the store as a rehearsal: its answers come from a stand-in server, not from a real
-- teacher.

CREATE TABLE rehearsal (since TIMESTAMPTZ PRIMARY KEY);
