using System.Text.Json;
using Stoa.Market.Registry;

namespace Stoa.Market.Workflows;

/// <summary>Compares what nodes read and are given with the schemas of the run's input, of the agents, and of workflows that are used.</summary>
/// <param name="workflow">One that holds together by itself.</param>
/// <param name="agents">Those that are named and that are here; null for one that is nowhere.</param>
/// <param name="time">Bounds how long inputs that are written out are checked.</param>
internal sealed class WorkflowPorts(Workflow workflow, IReadOnlyDictionary<string, AgentVersion?> agents, TimeProvider time)
{
    private const int MaxErrors = 100;
    private const int MaxTold = 8;

    // Schemas are of strangers, and each may take seconds. What is not checked now is when the task is submitted.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private const string Json = "application/json";

    private readonly List<FieldError> _errors = [];
    private readonly Dictionary<Workflow, Dictionary<string, WorkflowNode>> _nodes = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, JsonElement> _schemas = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Schema, string Path), SchemaPath> _found = [];
    private Workflow? _document;
    private TimeSpan _spent;

    private bool HasEnough => _errors.Count >= MaxErrors;

    /// <summary>Every reason against it, at most 100.</summary>
    public IReadOnlyList<FieldError> Find()
    {
        var documents = workflow.FindDocuments();
        foreach (var document in documents)
            Learn(document.Graph, _nodes[document] = new Dictionary<string, WorkflowNode>(StringComparer.Ordinal));
        foreach (var document in documents)
        {
            _document = document;
            CheckGraph(document.Graph);
            CheckReads(document.Graph.Output);
        }

        return [.. _errors.Take(MaxErrors)];
    }

    private static void Learn(WorkflowGraph graph, Dictionary<string, WorkflowNode> nodes)
    {
        foreach (var node in graph.Nodes)
        {
            nodes[node.Name] = node;
            foreach (var body in node.Work.Bodies)
                Learn(body, nodes);
        }
    }

    private AgentVersion? AgentOf(WorkflowWork.RunTask task) => task.Submission.TextOf("agent") is { } name ? agents.GetValueOrDefault(name) : null;

    private void CheckGraph(WorkflowGraph graph)
    {
        foreach (var node in graph.Nodes)
        {
            if (HasEnough)
                return;
            CheckReads(node.When);
            foreach (var work in node.Fallbacks.Append(node.Work).Concat(node.Compensation is null ? [] : [node.Compensation]))
                CheckWork(work);
            foreach (var body in node.Work.Bodies)
            {
                CheckGraph(body);
                CheckReads(body.Output);
            }
        }
    }

    private void CheckWork(WorkflowWork work)
    {
        foreach (var read in work.Reads)
            CheckReads(read);
        switch (work)
        {
            case WorkflowWork.RunTask task:
                CheckTask(task);
                break;
            case WorkflowWork.UseWorkflow { Inner: { Input: { } schema } inner } use:
                CheckInput(use.Input, $"The workflow {inner.Name}", schema);
                break;
            case WorkflowWork.Map map:
                CheckList(map.Over);
                break;
            case WorkflowWork.Reduce reduce:
                CheckList(reduce.Over);
                break;
            case WorkflowWork.Loop loop:
                CheckReads(loop.While);
                break;
        }
    }

    private void CheckTask(WorkflowWork.RunTask task)
    {
        if (task.Submission.TextOf("agent") is not { } name)
            return;
        // Of one that others offer in the network nothing is known before it is asked for.
        if (!agents.TryGetValue(name, out var agent))
            return;
        if (agent is null)
        {
            _errors.Add(new FieldError($"{task.Submission.Pointer}/agent", $"There is no agent {name} here. List what there is with GET /api/v1/agents."));
            return;
        }

        if (task.Submission.Below("parameters") is JsonTemplate.Object parameters)
        {
            foreach (var (parameter, value) in parameters.Members.Where(member => agent.Manifest.Parameters.All(known => known.Name != member.Name)))
            {
                if (HasEnough)
                    return;
                var known = agent.Manifest.Parameters.Count == 0 ? "it has none" : $"it has {string.Join(", ", agent.Manifest.Parameters.Select(each => each.Name))}";
                _errors.Add(new FieldError(value.Pointer, $"{agent.Listing} has no parameter {parameter}: {known}."));
            }
        }

        if (task.Submission.Below("input")?.Below("json") is { } json && agent.Manifest.Input.Schema is { } schema)
            CheckInput(json, agent.Listing.ToString(), schema);
    }

    private void CheckInput(JsonTemplate json, string taker, string schema)
    {
        if (json.IsConstant)
        {
            if (_spent > s_patience)
                return;
            var begun = time.GetTimestamp();
            foreach (var error in PortSchema.Validate(schema, json.ToUtf8()))
                _errors.Add(new FieldError(json.Pointer + error.Pointer, error.Reason));
            _spent += time.GetElapsedTime(begun);
            return;
        }

        if (json is JsonTemplate.Object && SchemaPath.Required(SchemaOf(schema)).FirstOrDefault(name => json.Below(name) is null) is { } missing)
            _errors.Add(new FieldError(json.Pointer, $"{taker} needs {missing}, which is not given."));
        // Of what is put together only the outermost members are compared: what is within may come from anywhere.
        foreach (var (path, value) in json is JsonTemplate.Object given ? given.Members.Select(member => ((string[])[member.Name], member.Value)) : [([], json)])
        {
            if (HasEnough)
                return;
            var wanted = Find(schema, path, "what it reads");
            if (wanted.WhyMissing is { } why)
                _errors.Add(new FieldError(value.Pointer, $"{taker} does not take it: {why}"));
            else if (wanted.Types is { } types && TypesOf(value) is { } given1 && !given1.Any(type => SchemaPath.MayBe(types, type)))
                _errors.Add(new FieldError(value.Pointer, $"{taker} takes {string.Join(" or ", types)} here, and this is {string.Join(" or ", given1)}."));
        }
    }

    private void CheckList(JsonTemplate over)
    {
        if (TypesOf(over) is { } types && !SchemaPath.MayBe(types, "array"))
            _errors.Add(new FieldError(over.Pointer, $"A list is expected, and this is {string.Join(" or ", types)}."));
    }

    private void CheckReads(JsonTemplate? template)
    {
        foreach (var (text, path) in template?.Reads ?? [])
        {
            if (HasEnough)
                return;
            if (Look(path) is { WhyMissing: { } why })
                _errors.Add(new FieldError(text.Pointer, why[..1].ToUpperInvariant() + why[1..]));
        }
    }

    /// <summary>Of which types a value can be; null when that is not known.</summary>
    private IReadOnlyList<string>? TypesOf(JsonTemplate template) => TypesOf(template, _document!);

    private IReadOnlyList<string>? TypesOf(JsonTemplate template, Workflow document) => template switch
    {
        JsonTemplate.Object => ["object"],
        JsonTemplate.List => ["array"],
        // Of what is computed the type is not known.
        JsonTemplate.Text { Template.Whole: { } whole } => whole.References is [var path] && path.ToString() == whole.Text.Trim() ? Look(path.Names, document).Types : null,
        JsonTemplate.Text => ["string"],
        JsonTemplate.Constant constant => [constant.Type],
        _ => null,
    };

    private SchemaPath Look(IReadOnlyList<string> path) => Look(path, _document!);

    private SchemaPath Look(IReadOnlyList<string> path, Workflow document)
    {
        if (path is [ScopeNames.Input, ..])
            return document.Input is { } schema ? Find(schema, path.Skip(1), "input") : new SchemaPath();
        if (path is not [ScopeNames.Nodes, var name, NodeResult.Output, ..] || !_nodes[document].TryGetValue(name, out var node))
            return new SchemaPath();
        return node.Work switch
        {
            // With a fallback it is open whose output it is.
            WorkflowWork.RunTask task when node.Fallbacks.Count == 0 && AgentOf(task) is { } agent => OutputOf(agent, name, path),
            WorkflowWork.UseWorkflow use => OutputOf(use.Inner, [.. path.Skip(3)], $"nodes.{name}.output"),
            _ => new SchemaPath(),
        };
    }

    private SchemaPath OutputOf(AgentVersion agent, string name, IReadOnlyList<string> path)
    {
        var port = agent.Manifest.Output;
        if (port.MediaType == Json)
            return port.Schema is null ? new SchemaPath() : Find(port.Schema, path.Skip(3), $"nodes.{name}.output");
        if (!port.MediaType.StartsWith("text/", StringComparison.Ordinal))
            return new SchemaPath { WhyMissing = $"{agent.Listing} writes {port.MediaType}, which expressions cannot read: pass it on by nodes.{name}.content.digest." };
        return path.Count > 3 ? new SchemaPath { WhyMissing = $"{agent.Listing} writes a text, {port.MediaType}, which has no member {path[3]}." } : new SchemaPath { Types = ["string"] };
    }

    /// <summary>What a workflow gives, as far as its output is written out, and from there on what the schemas say of what that reads.</summary>
    private SchemaPath OutputOf(Workflow inner, IReadOnlyList<string> path, string what)
    {
        if (inner.Graph.Output is not { } output)
            return path.Count == 0 ? new SchemaPath { Types = ["null"] } : new SchemaPath { WhyMissing = $"{what} is nothing: the workflow {inner.Name} has no output." };
        for (var place = 0; place < path.Count; place++)
        {
            if (output is JsonTemplate.Text { Template.Whole: { } whole })
                return whole.References is [var read] && read.ToString() == whole.Text.Trim() ? Look([.. read.Names, .. path.Skip(place)], inner) : new SchemaPath();
            if (output is not JsonTemplate.Object given)
                return new SchemaPath { WhyMissing = $"{what} has no member {path[place]}: it is written out in the workflow {inner.Name}, and no object." };
            if (output.Below(path[place]) is not { } member)
                return new SchemaPath { WhyMissing = $"{what} has no member {path[place]}: it has {string.Join(", ", given.Members.Select(each => each.Name).Take(MaxTold))}." };
            (output, what) = (member, $"{what}.{path[place]}");
        }

        return new SchemaPath { Types = TypesOf(output, inner) };
    }

    /// <summary>Looks a path up once, and reads a schema once, however many nodes name them.</summary>
    private SchemaPath Find(string schema, IEnumerable<string> path, string what)
    {
        IReadOnlyList<string> names = [.. path];
        var key = (schema, what + "\n" + string.Join('\n', names));
        if (_found.TryGetValue(key, out var known))
            return known;
        return _found[key] = SchemaPath.Find(SchemaOf(schema), names, what);
    }

    private JsonElement SchemaOf(string schema)
    {
        if (!_schemas.TryGetValue(schema, out var root))
            _schemas.Add(schema, root = JsonElement.Parse(schema));
        return root;
    }
}
