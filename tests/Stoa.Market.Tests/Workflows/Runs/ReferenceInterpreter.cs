using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Stoa.Market.Expressions;
using Stoa.Market.Workflows.Runs;

namespace Stoa.Market.Tests.Workflows.Runs;

/// <summary>Says what a run has to come to, in the simplest way: one node after the other, by recursion, over the document itself. It knows of no order but that of what nodes name.</summary>
internal sealed partial class ReferenceInterpreter(JsonObject document, JsonNode input, Func<string, int, JsonNode?, (bool IsDone, JsonNode? Output)> work)
{
    private readonly JsonObject _documents = document["workflows"] as JsonObject ?? [];

    /// <summary>Whether a node fails by itself, whatever is within it, such as by its timeout.</summary>
    public Func<string, bool> Fails { get; init; } = _ => false;

    /// <summary>Whether a node was stopped, or never begun, since the turn that it is in has failed.</summary>
    public Func<string, bool> IsStopped { get; init; } = _ => false;

    /// <summary>What was begun: path and attempt.</summary>
    public List<(string Path, int Attempt)> Begun { get; } = [];

    /// <summary>Whether a node has failed anywhere and something beside it may have been stopped for it.</summary>
    public bool HasStopped { get; private set; }

    public (RunState State, JsonNode? Output) Run()
    {
        try
        {
            return (RunState.Succeeded, RunGraph(document, "", new Dictionary<string, JsonNode?> { ["input"] = input }, []));
        }
        catch (Exception failed) when (failed is NodeFailedException or TurnStoppedException)
        {
            return (RunState.Failed, null);
        }
    }

    /// <summary>The node of a path such as <c>each[3].used.short</c>.</summary>
    public JsonObject NodeAt(string path)
    {
        var (nodes, node) = (document["nodes"]!.AsObject(), (JsonObject?)null);
        foreach (var part in path.Split('.'))
        {
            var name = part.Split('[')[0];
            node = nodes[name]!.AsObject();
            var number = part.Length > name.Length ? int.Parse(part[(name.Length + 1)..^1], CultureInfo.InvariantCulture) : 0;
            nodes = (node["choose"]?[number] ?? node["map"] ?? node["reduce"] ?? node["loop"] ?? _documents[(string?)node["workflow"]?["name"] ?? ""])?["nodes"] as JsonObject ?? [];
        }

        return node!;
    }

    private JsonNode? RunGraph(JsonObject graph, string prefix, Dictionary<string, JsonNode?> values, Dictionary<string, JsonObject> seen)
    {
        var nodes = graph["nodes"] as JsonObject ?? [];
        var results = new Dictionary<string, JsonObject>(seen);
        while (nodes.FirstOrDefault(node => !results.ContainsKey(node.Key) && NamesIn(node.Value!).All(name => name == node.Key || !nodes.ContainsKey(name) || results.ContainsKey(name))) is { Key: { } name, Value: JsonObject body })
        {
            var text = WithoutUndoing(body).ToJsonString();
            var isSkipped = NamesIn(body).Any(other => nodes.ContainsKey(other) && (string)results[other]["state"]! != "succeeded" && !text.Contains($"nodes.{other}.state", StringComparison.Ordinal))
                || (body["when"] is { } when && !IsTrue(Evaluate(when, values, results)));
            try
            {
                results[name] = isSkipped ? Result("skipped", null) : Result("succeeded", RunNode(body, prefix + name, values, results));
            }
            catch (NodeFailedException) when ((string?)body["onFailure"] == "skip")
            {
                results[name] = Result("failed", null);
            }
            catch (NodeFailedException)
            {
                HasStopped |= nodes.Count > 1 || prefix.Length > 0;
                throw;
            }
        }

        return graph["output"] is { } output ? Evaluate(output, values, results) : null;
    }

    private JsonNode? RunNode(JsonObject node, string path, Dictionary<string, JsonNode?> values, Dictionary<string, JsonObject> results)
    {
        if (IsStopped(path))
            throw new TurnStoppedException();
        if (Fails(path))
            throw new NodeFailedException();
        try
        {
            return RunWork(node, path, values, results);
        }
        catch (TurnStoppedException)
        {
            throw new NodeFailedException();
        }
    }

    private JsonNode? RunWork(JsonObject node, string path, Dictionary<string, JsonNode?> values, Dictionary<string, JsonObject> results)
    {
        if (node["workflow"] is { } use)
            return RunGraph(_documents[(string)use["name"]!]!.AsObject(), $"{path}.", new Dictionary<string, JsonNode?> { ["input"] = Evaluate(use["input"]!, values, results) }, []);
        if (node["task"] is { } task)
            return Try(node, task, path, values, results);
        if (node["wait"] is not null)
            return null;
        if (node["choose"] is JsonArray branches)
        {
            for (var number = 0; number < branches.Count; number++)
            {
                if (branches[number]!["when"] is not { } when || IsTrue(Evaluate(when, values, results)))
                    return RunGraph(branches[number]!.AsObject(), $"{path}[{number}].", values, results);
            }

            return null;
        }

        var (kind, body) = node.First(member => member.Key is "map" or "reduce" or "loop");
        var turns = body!.AsObject();
        if (kind == "loop")
        {
            var state = Evaluate(turns["initial"]!, values, results);
            for (var turn = 0; ; turn++)
            {
                var inner = With(values, ("state", state), ("turn", turn));
                if (!IsTrue(Evaluate(turns["while"]!, inner, results)))
                    return state;
                if (turn == (int)turns["most"]!)
                    throw new NodeFailedException();
                state = RunGraph(turns, $"{path}[{turn}].", inner, results);
            }
        }

        var items = Evaluate(turns["over"]!, values, results) as JsonArray ?? throw new NodeFailedException();
        var item = (string?)turns["as"] ?? "item";
        if (kind == "reduce")
        {
            var accumulator = Evaluate(turns["initial"]!, values, results);
            for (var index = 0; index < items.Count; index++)
                accumulator = RunGraph(turns, $"{path}[{index}].", With(values, (item, items[index]), ("index", index), ("accumulator", accumulator)), results);
            return accumulator;
        }

        return new JsonArray([.. items.Select((each, index) => RunGraph(turns, $"{path}[{index}].", With(values, (item, each), ("index", index)), results)?.DeepClone())]);
    }

    private JsonNode? Try(JsonObject node, JsonNode task, string path, Dictionary<string, JsonNode?> values, Dictionary<string, JsonObject> results)
    {
        var attempts = (int?)node["retry"]?["attempts"] ?? 1;
        var fallbacks = node["fallbacks"] as JsonArray ?? [];
        for (var attempt = 1; attempt <= attempts + fallbacks.Count; attempt++)
        {
            Begun.Add((path, attempt));
            var (isDone, output) = work(path, attempt, Evaluate(attempt <= attempts ? task : fallbacks[attempt - attempts - 1]!["task"]!, values, results));
            if (isDone)
                return output;
        }

        throw new NodeFailedException();
    }

    private static Dictionary<string, JsonNode?> With(Dictionary<string, JsonNode?> values, params (string Name, JsonNode? Value)[] more)
    {
        var all = new Dictionary<string, JsonNode?>(values);
        foreach (var (name, value) in more)
            all[name] = value;
        return all;
    }

    private static JsonObject Result(string state, JsonNode? output) => new() { ["state"] = state, ["output"] = output?.DeepClone(), ["content"] = null, ["error"] = null };

    private static bool IsTrue(JsonNode? value) => value switch
    {
        null => false,
        JsonArray list => list.Count > 0,
        JsonObject members => members.Count > 0,
        JsonValue text when text.GetValueKind() is JsonValueKind.String => text.GetValue<string>().Length > 0,
        _ => value.GetValueKind() is not JsonValueKind.False,
    };

    /// <summary>Evaluates templates over all that there is, and not over what they are known to read.</summary>
    private static JsonNode? Evaluate(JsonNode template, Dictionary<string, JsonNode?> values, Dictionary<string, JsonObject> results)
    {
        switch (template)
        {
            case JsonObject members:
                return new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, member.Value is null ? null : Evaluate(member.Value, values, results))));
            case JsonArray items:
                return new JsonArray([.. items.Select(item => item is null ? null : Evaluate(item, values, results))]);
            case JsonValue text when text.GetValueKind() is JsonValueKind.String:
                var scope = new JsonObject(values.Select(value => KeyValuePair.Create(value.Key, value.Value?.DeepClone()))
                    .Append(KeyValuePair.Create("nodes", (JsonNode?)new JsonObject(results.Select(result => KeyValuePair.Create(result.Key, (JsonNode?)result.Value.DeepClone()))))));
                TextTemplate.TryParse(text.GetValue<string>(), out var parsed, out _).ShouldBeTrue();
                parsed!.TryEvaluate(JsonElement.Parse(scope.ToJsonString()), new ExpressionBudget(10_000_000), out var made, out var fault).ShouldBeTrue(fault?.Reason);
                return JsonNode.Parse(RunDriver.Json(made));
            default:
                return template.DeepClone();
        }
    }

    private static IEnumerable<string> NamesIn(JsonNode node)
    {
        var read = WithoutUndoing(node);
        return NamePattern().Matches(read.ToJsonString()).Select(match => match.Groups[1].Value)
            .Concat(Objects(read).SelectMany(inner => inner["after"] as JsonArray ?? []).Select(name => (string)name!)).Distinct();
    }

    /// <summary>What undoes a node is not waited for.</summary>
    private static JsonObject WithoutUndoing(JsonNode node)
    {
        var read = node.DeepClone().AsObject();
        foreach (var inner in Objects(read).ToList())
            inner.Remove("compensate");
        return read;
    }

    private static IEnumerable<JsonObject> Objects(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Objects(member.Value)).Prepend(members),
        JsonArray items => items.SelectMany(Objects),
        _ => [],
    };

    [GeneratedRegex(@"nodes\.([A-Za-z0-9_]+)")]
    private static partial Regex NamePattern();

    private sealed class NodeFailedException : Exception;

    private sealed class TurnStoppedException : Exception;
}
