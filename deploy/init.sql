-- The service's own user: neither superuser nor excepted from row-level security, and owner of its database alone.
CREATE ROLE fairdue LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD 'change-me';
CREATE DATABASE fairdue OWNER fairdue;
