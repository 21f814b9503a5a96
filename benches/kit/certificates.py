"""A CA made for the run, as production has one that everybody trusts."""

from __future__ import annotations

from pathlib import Path

import trustme

from translink.sim.programs import RunCertificates


def certificates(folder: Path) -> RunCertificates:
    """For servers on 127.0.0.1 (P-256, as most have); files in `folder`."""
    authority = trustme.CA()
    made = RunCertificates(folder / "server.pem", folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(made.server)
    authority.cert_pem.write_to_path(made.authority)
    return made
