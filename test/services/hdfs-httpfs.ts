import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { hadoopJvmFlags, JvmDaemon } from './hdfs-daemon.ts';
import { HDFS_SUPERUSER, settingsXml } from './hdfs-settings.ts';
import { freePort } from './process.ts';

/** The gateway's jar lacks its own web application: what serves WebHDFS, and the filters around it in their order. */
const WEB_XML = `<web-app version="2.4" xmlns="http://java.sun.com/xml/ns/j2ee">
<listener><listener-class>org.apache.hadoop.fs.http.server.HttpFSServerWebApp</listener-class></listener>
<servlet>
  <servlet-name>webservices</servlet-name>
  <servlet-class>com.sun.jersey.spi.container.servlet.ServletContainer</servlet-class>
  <init-param>
    <param-name>com.sun.jersey.config.property.packages</param-name>
    <param-value>org.apache.hadoop.fs.http.server,org.apache.hadoop.lib.wsrs</param-value>
  </init-param>
  <load-on-startup>1</load-on-startup>
</servlet>
<servlet-mapping><servlet-name>webservices</servlet-name><url-pattern>/webhdfs/*</url-pattern></servlet-mapping>
${[
  'org.apache.hadoop.fs.http.server.HttpFSAuthenticationFilter',
  'org.apache.hadoop.lib.servlet.MDCFilter',
  'org.apache.hadoop.lib.servlet.HostnameFilter',
  'org.apache.hadoop.fs.http.server.CheckUploadContentTypeFilter',
  'org.apache.hadoop.fs.http.server.HttpFSReleaseFilter',
]
  .map(
    (name) => `<filter><filter-name>${name}</filter-name><filter-class>${name}</filter-class></filter>
<filter-mapping><filter-name>${name}</filter-name><url-pattern>*</url-pattern></filter-mapping>`,
  )
  .join('\n')}
</web-app>
`;

/** The HTTP gateway of a cluster whose settings are in `conf`; not yet started. */
export async function httpFsDaemon(clusterDir: string, conf: string, jars: string): Promise<JvmDaemon> {
  const dir = join(clusterDir, 'httpfs');
  const folders = { config: join(dir, 'conf'), log: join(dir, 'log'), temp: join(dir, 'temp') };
  for (const folder of Object.values(folders)) mkdirSync(folder, { recursive: true });
  const webapps = join(dir, 'classes', 'webapps');
  mkdirSync(join(webapps, 'webhdfs', 'WEB-INF'), { recursive: true });
  mkdirSync(join(webapps, 'static'));
  writeFileSync(join(webapps, 'webhdfs', 'WEB-INF', 'web.xml'), WEB_XML);
  copyFileSync(join(conf, 'log4j.properties'), join(dir, 'classes', 'log4j.properties'));
  copyFileSync(join(conf, 'log4j.properties'), join(folders.config, 'httpfs-log4j.properties'));
  writeFileSync(join(folders.config, 'httpfs-signature.secret'), randomBytes(32).toString('base64'));
  const port = await freePort();
  writeFileSync(
    join(folders.config, 'httpfs-site.xml'),
    settingsXml({
      'httpfs.hadoop.config.dir': conf,
      // As system properties they count for nothing.
      'httpfs.http.hostname': '127.0.0.1',
      'httpfs.http.port': port,
    }),
  );
  const classPath = [join(dir, 'classes'), folders.config, jars].join(delimiter);
  const places = Object.entries(folders).map(([name, folder]) => `-Dhttpfs.${name}.dir=${folder}`);
  const url = `http://127.0.0.1:${port}`;
  return new JvmDaemon({
    name: 'HttpFS',
    url,
    args: [
      `-Dhttpfs.home.dir=${dir}`,
      ...places,
      ...hadoopJvmFlags(classPath),
      'org.apache.hadoop.fs.http.server.HttpFSServerWebServer',
    ],
    logPath: join(clusterDir, 'log', 'httpfs.log'),
    ownedDir: clusterDir,
    isReady: async () => {
      const root = `${url}/webhdfs/v1/?op=GETFILESTATUS&user.name=${HDFS_SUPERUSER}`;
      return (await fetch(root, { signal: AbortSignal.timeout(5_000) })).ok;
    },
  });
}
