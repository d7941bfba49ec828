import { HdfsError } from './errors.ts';
import type { Negotiate } from './proof.ts';

/** What is used of the package `kerberos`, which only they install who need it: it is compiled against the system’s GSSAPI. */
interface KerberosPackage {
  readonly GSS_MECH_OID_SPNEGO: number;
  initializeClient(
    service: string,
    options: { mechOID: number },
  ): Promise<{ step(challenge: string): Promise<string> }>;
}

const PACKAGE: string = 'kerberos';

/** SPNEGO by the tickets of this process: its cache (KRB5CCNAME) or its keytab (KRB5_CLIENT_KTNAME). */
export const negotiateByKerberos: Negotiate = async (host) => {
  const kerberos = await loaded();
  try {
    const client = await kerberos.initializeClient(`HTTP@${host}`, { mechOID: kerberos.GSS_MECH_OID_SPNEGO });
    return await client.step('');
  } catch (cause) {
    throw new HdfsError('credentials', 'rejected', 'HDFS_KERBEROS', {
      message: `no Kerberos ticket for HTTP@${host}: ${cause instanceof Error ? cause.message : String(cause)}`,
      help: 'Run kinit, or set KRB5_CLIENT_KTNAME to a keytab; urls have to name the host as its principal does.',
      details: { host },
      cause,
    });
  }
};

async function loaded(): Promise<KerberosPackage> {
  try {
    const module = (await import(PACKAGE)) as { default?: KerberosPackage } & KerberosPackage;
    return module.default ?? module;
  } catch (cause) {
    throw new HdfsError('credentials', 'config', 'HDFS_KERBEROS_MISSING', {
      message: 'auth kerberos needs the package kerberos, which cannot be loaded',
      help: 'npm install kerberos (needs a compiler and the headers of GSSAPI), or use auth delegationToken.',
      cause,
    });
  }
}
