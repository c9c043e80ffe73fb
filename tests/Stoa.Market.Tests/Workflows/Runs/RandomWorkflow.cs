using System.Text.Json.Nodes;

namespace Stoa.Market.Tests.Workflows.Runs;

/// <summary>What workflows by chance are made of beside what all have.</summary>
/// <param name="Uses">How many other workflows they may use, which may use each other.</param>
/// <param name="HasTimeouts">Nodes and documents may have bounds of time, and workflows that are used of steps.</param>
/// <param name="IsStrict">Nothing is undone, no failure is put up with, and loops come to an end.</param>
internal sealed record RandomTerms(int Uses = 0, bool HasTimeouts = false, bool IsStrict = false);

/// <summary>Makes workflows by chance: nodes of all kinds within each other, which read what they may. Names of different documents are the same.</summary>
internal sealed class RandomWorkflow(Random random, RandomTerms terms, IReadOnlyList<string> others, int maxNodes)
{
    private const string ByChance = "by-chance";

    private int _names;

    public static JsonObject Make(Random random, RandomTerms? terms = null)
    {
        terms ??= new RandomTerms();
        var documents = new JsonObject();
        for (var number = 0; number < terms.Uses; number++)
            documents[$"other-{number}"] = new RandomWorkflow(random, terms, [.. documents.Select(other => other.Key)], maxNodes: 6).Document($"other-{number}");
        var document = new RandomWorkflow(random, terms, [.. documents.Select(other => other.Key)], maxNodes: 30).Document(ByChance);
        // They use those made before them alone. What nothing uses is refused.
        var text = document.ToJsonString();
        foreach (var (name, other) in documents.Reverse().ToList())
        {
            if (text.Contains($"\"workflow\":{{\"name\":\"{name}\"", StringComparison.Ordinal))
                text += other!.ToJsonString();
            else
                documents.Remove(name);
        }

        if (documents.Count > 0)
            document["workflows"] = documents;
        return document;
    }

    private JsonObject Document(string name)
    {
        var graph = Graph(0, [], ["input.n", "input.list"], needsNode: true);
        graph["name"] = name;
        if (terms.HasTimeouts && random.Next(3) == 0)
            graph["limits"] = new JsonObject { ["time"] = $"{random.Next(20, 200)}s" };
        else if (terms.HasTimeouts && name != ByChance && random.Next(6) == 0)
            graph["limits"] = new JsonObject { ["steps"] = random.Next(1, 20) };
        return graph;
    }

    private JsonObject Graph(int depth, IReadOnlyList<string> outer, IReadOnlyList<string> values, bool needsNode = false)
    {
        var nodes = new List<(string Name, JsonObject Node)>();
        for (var count = random.Next(needsNode ? 1 : 0, 6); count > 0 && _names < maxNodes; count--)
        {
            var name = $"n{_names++}";
            nodes.Add((name, Node(depth, [.. outer, .. nodes.Select(node => node.Name)], values, [.. nodes.Select(node => node.Name)])));
        }

        var readable = outer.Concat(nodes.Select(node => node.Name)).ToList();
        var output = Template(readable, values);
        // Where a node stands says nothing about when it runs.
        var shuffled = nodes.ToArray();
        random.Shuffle(shuffled);
        return new JsonObject { ["nodes"] = new JsonObject(shuffled.Select(node => KeyValuePair.Create(node.Name, (JsonNode?)node.Node))), ["output"] = output };
    }

    private JsonObject Node(int depth, IReadOnlyList<string> readable, IReadOnlyList<string> values, IReadOnlyList<string> siblings)
    {
        var kind = depth >= (terms.Uses > 0 ? 2 : 3) ? random.Next(5) : random.Next(10);
        var node = others.Count > 0 && random.Next(4) == 0 ? Use(readable, values) : kind switch
        {
            < 4 => Task(readable, values),
            4 => new JsonObject { ["wait"] = new JsonObject { ["for"] = $"{random.Next(1, 100)}s" } },
            5 => new JsonObject { ["map"] = Turns(depth, readable, [.. values, "item", "index"], new JsonObject { ["over"] = List(), ["most"] = 4, ["parallel"] = random.Next(1, 4) }) },
            6 => new JsonObject { ["reduce"] = Turns(depth, readable, [.. values, "item", "index", "accumulator"], new JsonObject { ["over"] = List(), ["most"] = 4, ["initial"] = Template(readable, values) }) },
            7 => new JsonObject { ["loop"] = Turns(depth, readable, [.. values, "state", "turn"], new JsonObject { ["initial"] = Template(readable, values), ["while"] = $"${{turn < `{random.Next(terms.IsStrict ? 4 : 5)}`}}", ["most"] = 3 }) },
            _ => new JsonObject { ["choose"] = new JsonArray([.. Enumerable.Range(0, random.Next(1, 4)).Select(number => Branch(number, depth, readable, values))]) },
        };
        if (random.Next(5) == 0)
            node["when"] = Template(readable, values);
        if (random.Next(5) == 0 && siblings.Count > 0)
            node["after"] = new JsonArray(siblings[random.Next(siblings.Count)]);
        if (random.Next(3) == 0 && !terms.IsStrict)
            node["onFailure"] = "skip";
        if (terms.HasTimeouts && random.Next(4) == 0)
            node["timeout"] = $"{random.Next(1, 60)}s";
        if (random.Next(4) == 0 && !terms.IsStrict)
            node["compensate"] = new JsonObject { ["task"] = new JsonObject { ["undo"] = Template(readable, values) } };
        return node;
    }

    private JsonObject Task(IReadOnlyList<string> readable, IReadOnlyList<string> values)
    {
        var node = new JsonObject { ["task"] = new JsonObject { ["x"] = Template(readable, values) } };
        if (random.Next(3) == 0)
            node["retry"] = new JsonObject { ["attempts"] = random.Next(1, 4), ["delay"] = "1s" };
        if (random.Next(6) == 0)
            node["fallbacks"] = new JsonArray(new JsonObject { ["task"] = new JsonObject { ["y"] = Template(readable, values) } });
        return node;
    }

    private JsonObject Use(IReadOnlyList<string> readable, IReadOnlyList<string> values) => new()
    {
        ["workflow"] = new JsonObject { ["name"] = others[random.Next(others.Count)], ["input"] = new JsonObject { ["n"] = Template(readable, values), ["list"] = List() } },
    };

    private JsonObject Branch(int number, int depth, IReadOnlyList<string> readable, IReadOnlyList<string> values)
    {
        var branch = Graph(depth + 1, readable, values);
        if (number == 0 || random.Next(2) == 0)
            branch["when"] = Template(readable, values);
        return branch;
    }

    private JsonObject Turns(int depth, IReadOnlyList<string> readable, IReadOnlyList<string> values, JsonObject head)
    {
        var body = Graph(depth + 1, readable, values);
        foreach (var (name, value) in body.ToList())
        {
            body.Remove(name);
            head[name] = value;
        }

        return head;
    }

    private JsonNode List() => random.Next(3) == 0 ? "${input.list}" : new JsonArray([.. Enumerable.Range(0, random.Next(5)).Select(number => JsonValue.Create(number))]);

    private JsonNode Template(IReadOnlyList<string> readable, IReadOnlyList<string> values) => random.Next(6) switch
    {
        0 => random.Next(10),
        1 when readable.Count > 0 => $"${{nodes.{readable[random.Next(readable.Count)]}.state}}",
        2 or 3 when readable.Count > 0 => $"${{nodes.{readable[random.Next(readable.Count)]}.output}}",
        4 => $"of ${{{values[random.Next(values.Count)]}}}",
        _ => $"${{{values[random.Next(values.Count)]}}}",
    };
}
