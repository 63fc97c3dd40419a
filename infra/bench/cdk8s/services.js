// The services of package bench, as cdk8s makes them in Node.js. This is what TypeScript compiles to, less the types,
// so that no compiler is measured. Objects are plain ApiObjects, which are faster than those of 'cdk8s import'.
//
//   node services.js NUMBER FOLDER
'use strict';

const { createHash } = require('node:crypto');
const { ApiObject, App, Chart } = require('cdk8s');

const [count, outdir] = [Number(process.argv[2]), process.argv[3]];

// checksum digests the configuration, so that a change of it rolls the pods.
function checksum(name, config) {
  const digest = createHash('sha256');
  for (const key of Object.keys(config).sort()) {
    digest.update(`ConfigMap ${name}\n${JSON.stringify(key)}\n${JSON.stringify(config[key])}\n`);
  }
  return digest.digest('hex');
}

function addService(chart, { name, image, config, ports, readiness }) {
  const labels = { app: name };
  new ApiObject(chart, `${name}-config`, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: config,
  });
  new ApiObject(chart, `${name}-deployment`, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, labels },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { annotations: { 'checksum/config': checksum(name, config) }, labels },
        spec: {
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          securityContext: {
            fsGroup: 65532,
            runAsGroup: 65532,
            runAsNonRoot: true,
            runAsUser: 65532,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          containers: [
            {
              name,
              image,
              envFrom: [{ configMapRef: { name } }],
              ports: ports.map(({ name, targetPort }) => ({ name, containerPort: targetPort })),
              readinessProbe: { httpGet: { ...readiness, scheme: 'HTTP' } },
              securityContext: {
                allowPrivilegeEscalation: false,
                capabilities: { drop: ['ALL'] },
                readOnlyRootFilesystem: true,
              },
            },
          ],
        },
      },
    },
  });
  new ApiObject(chart, `${name}-service`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { type: 'ClusterIP', selector: labels, ports },
  });
}

const app = new App({ outdir });
const chart = new Chart(app, 'services');
for (let i = 0; i < count; i++) {
  addService(chart, {
    name: `service-${i}`,
    image: 'example.com/service:1',
    config: { LEVEL: 'info' },
    readiness: { path: '/readyz', port: 8080 },
    ports: [
      { name: 'http', port: 80, targetPort: 8080 },
      { name: 'grpc', port: 50051, targetPort: 50051 },
    ],
  });
}
app.synth();
