using System.Text.Json.Nodes;

namespace Stoa.Market.Tests.Workflows.Runs;

/// <summary>Makes workflows by chance: nodes of all kinds within each other, which read what they may.</summary>
internal sealed class RandomWorkflow(Random random)
{
    private const int MaxNodes = 30;

    private int _names;

    public static JsonObject Make(Random random)
    {
        var graph = new RandomWorkflow(random).Graph(0, [], ["input.n", "input.list"], needsNode: true);
        graph["name"] = "by-chance";
        return graph;
    }

    private JsonObject Graph(int depth, IReadOnlyList<string> outer, IReadOnlyList<string> values, bool needsNode = false)
    {
        var nodes = new List<(string Name, JsonObject Node)>();
        for (var count = random.Next(needsNode ? 1 : 0, 6); count > 0 && _names < MaxNodes; count--)
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
        var kind = depth >= 3 ? random.Next(5) : random.Next(10);
        var node = kind switch
        {
            < 4 => Task(readable, values),
            4 => new JsonObject { ["wait"] = new JsonObject { ["for"] = $"{random.Next(1, 100)}s" } },
            5 => new JsonObject { ["map"] = Turns(depth, readable, [.. values, "item", "index"], new JsonObject { ["over"] = List(), ["most"] = 9, ["parallel"] = random.Next(1, 4) }) },
            6 => new JsonObject { ["reduce"] = Turns(depth, readable, [.. values, "item", "index", "accumulator"], new JsonObject { ["over"] = List(), ["most"] = 9, ["initial"] = Template(readable, values) }) },
            7 => new JsonObject { ["loop"] = Turns(depth, readable, [.. values, "state", "turn"], new JsonObject { ["initial"] = Template(readable, values), ["while"] = $"${{turn < `{random.Next(5)}`}}", ["most"] = 3 }) },
            _ => new JsonObject { ["choose"] = new JsonArray([.. Enumerable.Range(0, random.Next(1, 4)).Select(number => Branch(number, depth, readable, values))]) },
        };
        if (random.Next(5) == 0)
            node["when"] = Template(readable, values);
        if (random.Next(5) == 0 && siblings.Count > 0)
            node["after"] = new JsonArray(siblings[random.Next(siblings.Count)]);
        if (random.Next(3) == 0)
            node["onFailure"] = "skip";
        if (random.Next(4) == 0)
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
