// Draws the API reference from the node's own OpenAPI document. No library, nothing from elsewhere.

const methods = ['get', 'head', 'post', 'put', 'patch', 'delete'];

/** Makes an element; children are nodes or plain text, so nothing of the document is ever read as HTML. */
function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter(child => child !== undefined && child !== null && child !== ''));
  return made;
}

/** Plain text with `code`, **bold** and paragraphs. */
function prose(text) {
  return (text ?? '').split(/\n\s*\n/).filter(Boolean).map(paragraph => element('p', {}, ...inline(paragraph)));
}

function inline(text) {
  return (text ?? '').split(/(`[^`]+`|\*\*[^*]+\*\*)/).map(part => {
    if (part.startsWith('`')) return element('code', {}, part.slice(1, -1));
    if (part.startsWith('**')) return element('strong', {}, part.slice(2, -2));
    return part;
  });
}

class Reference {
  constructor(api) {
    this.api = api;
  }

  resolve(thing) {
    if (!thing?.$ref) return thing ?? {};
    const found = thing.$ref.replace(/^#\//, '').split('/').reduce((at, key) => at?.[key.replace(/~1/g, '/').replace(/~0/g, '~')], this.api);
    return { ...found, ...Object.fromEntries(Object.entries(thing).filter(([key]) => key !== '$ref')) };
  }

  operations() {
    const all = [];
    for (const [path, item] of Object.entries(this.api.paths)) {
      for (const method of methods) {
        if (item[method]) all.push({ path, method, ...item[method] });
      }
    }
    return all;
  }

  draw() {
    const operations = this.operations();
    const groups = (this.api.tags ?? []).map(tag => ({ ...tag, operations: operations.filter(one => one.tags?.includes(tag.name)) }));
    const search = element('input', { type: 'search', placeholder: 'Find an operation', 'aria-label': 'Find an operation' });
    const contents = element('aside', { class: 'contents' }, search, ...groups.map(group => this.drawContents(group)));
    const article = element('article', {},
      element('p', { class: 'eyebrow' }, 'API reference · ' + this.api.info.version),
      element('h1', {}, this.api.info.title),
      ...prose(this.api.info.description),
      ...groups.flatMap(group => this.drawGroup(group)));
    search.addEventListener('input', () => filter(search.value));
    return element('div', { class: 'reference' }, contents, article);
  }

  drawContents(group) {
    return element('section', {}, element('h2', {}, group.name), element('ul', {}, ...group.operations.map(one =>
      element('li', { 'data-find': findable(one) },
        element('a', { href: '#' + one.operationId }, element('span', { class: 'method ' + one.method }, one.method), one.summary)))));
  }

  drawGroup(group) {
    return [
      element('h2', { id: 'group-' + group.name, class: 'group' }, group.name),
      element('p', { class: 'quiet' }, group.description),
      ...group.operations.map(one => this.drawOperation(one)),
    ];
  }

  drawOperation(one) {
    const answers = Object.entries(one.responses ?? {});
    const good = answers.filter(([status]) => status < '400');
    const refusals = answers.filter(([status]) => status >= '400');
    return element('section', { class: 'operation', id: one.operationId, 'data-find': findable(one) },
      element('h3', {}, element('a', { href: '#' + one.operationId, class: 'anchor' }, one.summary)),
      element('p', { class: 'address' }, element('span', { class: 'method ' + one.method }, one.method), element('code', {}, one.path),
        element('span', { class: 'quiet' }, one.security?.length ? 'for known callers' : 'for everybody')),
      ...prose(one.description),
      ...this.drawParameters(one.parameters),
      ...this.drawBody(one.requestBody),
      element('pre', { class: 'curl', tabindex: '0' }, element('code', {}, this.curl(one))),
      ...good.map(([status, response]) => this.drawAnswer(status, response)),
      this.drawRefusals(refusals));
  }

  drawParameters(parameters) {
    if (!parameters?.length) return [];
    return [element('h4', {}, 'Parameters'), element('dl', {}, ...parameters.map(one => this.resolve(one)).flatMap(one => [
      element('dt', {}, element('code', {}, one.name), ' ', element('span', { class: 'quiet' },
        `${one.in}, ${this.nameOf(one.schema)}${one.required ? ', required' : ''}`)),
      element('dd', {}, ...inline(one.description)),
    ]))];
  }

  drawBody(body) {
    const entries = Object.entries(this.resolve(body).content ?? {});
    return entries.flatMap(([type, content]) => [
      element('h4', {}, 'Body ', element('span', { class: 'quiet' }, type)),
      this.drawSchema(content.schema),
    ]);
  }

  drawAnswer(status, response) {
    const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
    const example = content && this.exampleOf(content.schema);
    return element('details', { open: '' },
      element('summary', {}, element('strong', {}, status), ' ', response.description ?? '', ' ', element('span', { class: 'quiet' }, type ?? '')),
      content ? this.drawSchema(content.schema) : '',
      example === undefined ? '' : element('pre', { tabindex: '0' }, element('code', {}, JSON.stringify(example, null, 2))));
  }

  drawRefusals(refusals) {
    const codes = refusals.flatMap(([status, response]) =>
      Object.entries(response.content?.['application/problem+json']?.examples ?? {}).map(([code, example]) => ({ status, code, title: example.summary })));
    return element('details', {},
      element('summary', {}, `Refusals (${codes.length})`),
      element('ul', { class: 'refusals' }, ...codes.map(one => element('li', {},
        element('span', { class: 'quiet' }, one.status), ' ', element('a', { href: '/problems/' + one.code }, element('code', {}, one.code)), ' ', one.title))));
  }

  drawSchema(schema, depth = 0) {
    const shape = this.resolve(schema);
    const properties = Object.entries(shape.properties ?? {});
    if (!properties.length) {
      return shape.items && this.resolve(shape.items).properties && depth < 4 ? this.drawSchema(shape.items, depth) : element('p', { class: 'quiet' }, this.nameOf(schema));
    }
    return element('dl', {}, ...properties.flatMap(([name, member]) => {
      const inner = this.innerOf(member);
      return [
        element('dt', {}, element('code', {}, name), ' ', element('span', { class: 'quiet' },
          this.nameOf(member) + (shape.required?.includes(name) ? '' : ', optional'))),
        element('dd', {}, ...inline(this.describe(member)),
          inner && depth < 3 ? element('details', {}, element('summary', {}, 'Members'), this.drawSchema(inner, depth + 1)) : ''),
      ];
    }));
  }

  /** What is said of a member; of one that may be null it is said within. */
  describe(member) {
    const shape = this.resolve(member);
    return shape.description ?? (shape.oneOf ?? shape.anyOf)?.map(choice => this.resolve(choice).description).find(Boolean);
  }

  /** The schema behind a member that has members of its own, be it an object, a list of them or one that may be null. */
  innerOf(member) {
    const shape = this.resolve(member);
    const candidates = [shape, shape.items, ...(shape.oneOf ?? []), ...(shape.anyOf ?? [])];
    return candidates.find(candidate => candidate && this.resolve(candidate).properties);
  }

  nameOf(schema) {
    const shape = this.resolve(schema);
    const choices = shape.oneOf ?? shape.anyOf;
    if (choices) return choices.map(choice => this.nameOf(choice)).filter(name => name !== 'null').join(' or ');
    const types = [shape.type ?? []].flat().filter(type => type !== 'null');
    if (types.includes('array')) return 'list of ' + this.nameOf(shape.items);
    if (shape.format === 'date-time') return 'time';
    return types.join(' or ') || 'any JSON';
  }

  exampleOf(schema) {
    const shape = this.resolve(schema);
    return shape.examples?.[0] ?? shape.example;
  }

  curl(one) {
    const parts = ['curl'];
    if (one.method !== 'get') parts.push('-X ' + one.method.toUpperCase());
    if (one.security?.length) parts.push('-H "Authorization: Bearer $STOA_API_KEY"');
    const json = this.resolve(one.requestBody).content?.['application/json'];
    if (json) parts.push("-H 'Content-Type: application/json'", "-d '" + JSON.stringify(this.exampleOf(json.schema) ?? {}).replaceAll("'", "'\\''") + "'");
    const form = this.resolve(one.requestBody).content?.['multipart/form-data'];
    for (const name of Object.keys(this.resolve(form?.schema).properties ?? {})) parts.push(`-F ${name}=@${name}`);
    if (this.resolve(one.requestBody).content?.['application/octet-stream']) parts.push('--data-binary @file');
    if (one.method === 'head') parts[1] = '--head';
    parts.push(location.origin + one.path);
    return parts.join(' \\\n  ');
  }
}

function findable(one) {
  return [one.operationId, one.path, one.summary, one.method].join(' ').toLowerCase();
}

function filter(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of document.querySelectorAll('[data-find]')) {
    one.hidden = !words.every(word => one.dataset.find.includes(word));
  }
}

async function show() {
  const place = document.getElementById('reference');
  try {
    const response = await fetch('/openapi/v1.json');
    if (!response.ok) throw new Error(`The node answered ${response.status}.`);
    place.replaceChildren(new Reference(await response.json()).draw());
    if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  } catch (failure) {
    place.replaceChildren(element('p', { role: 'alert' }, 'The OpenAPI document could not be read: ' + failure.message));
  }
  place.removeAttribute('aria-busy');
}

show();
