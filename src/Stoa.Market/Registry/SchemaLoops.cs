using System.Globalization;
using System.Text.Json;

namespace Stoa.Market.Registry;

/// <summary>Finds schemas that apply to one value again and again: a check of any input against one overflows the stack, which ends the process.</summary>
/// <remarks>To refer to itself for a value inside, as the schema of a tree does, is no loop: the input's own depth ends it.</remarks>
internal static class SchemaLoops
{
    /// <summary>How many schemas in a row may apply to one value.</summary>
    public const int MaxChain = 16;

    private static readonly HashSet<string> s_inPlace = ["$ref", "allOf", "anyOf", "oneOf", "not", "if", "then", "else", "extends", "disallow", "type"];

    /// <summary>The places whose chain is a loop, longer than <see cref="MaxChain"/>, or leads to nothing in the schema.</summary>
    public static IReadOnlyList<FieldError> Find(JsonElement root)
    {
        var errors = new List<FieldError>();
        Walk(root, root, "", [], errors);
        return errors;
    }

    private static void Walk(JsonElement root, JsonElement element, string pointer, Dictionary<string, int> chains, List<FieldError> errors)
    {
        if (element.ValueKind is JsonValueKind.Array)
        {
            var index = 0;
            foreach (var item in element.EnumerateArray())
                Walk(root, item, string.Create(CultureInfo.InvariantCulture, $"{pointer}/{index++}"), chains, errors);
        }
        else if (element.ValueKind is JsonValueKind.Object)
        {
            if (errors.Count == 0 && Chain(root, element, pointer, chains, 0) > MaxChain)
                errors.Add(new FieldError(pointer, $"a schema that applies at most {MaxChain} schemas in a row to one value, each of them in the schema itself"));
            foreach (var member in element.EnumerateObject())
                Walk(root, member.Value, $"{pointer}/{member.Name}", chains, errors);
        }
    }

    /// <summary>How many schemas in a row the one at the pointer applies to its value; above the limit for a loop and a dead end.</summary>
    private static int Chain(JsonElement root, JsonElement element, string pointer, Dictionary<string, int> chains, int depth)
    {
        if (depth > MaxChain)
            return MaxChain + 1;
        if (element.ValueKind is JsonValueKind.Array)
        {
            var index = 0;
            return element.EnumerateArray().Select(item => Chain(root, item, string.Create(CultureInfo.InvariantCulture, $"{pointer}/{index++}"), chains, depth))
                .DefaultIfEmpty().Max();
        }

        if (element.ValueKind is not JsonValueKind.Object)
            return 0;
        if (chains.TryGetValue(pointer, out var known))
            return known;
        // A loop comes back here before this is known.
        chains[pointer] = MaxChain + 1;
        var longest = 0;
        foreach (var member in element.EnumerateObject().Where(member => s_inPlace.Contains(member.Name)))
        {
            var (target, at) = (member.Value, $"{pointer}/{member.Name}");
            if (member.Name is "$ref" && member.Value.ValueKind is JsonValueKind.String && !TryFind(root, member.Value.GetString()!, out target, out at))
                return MaxChain + 1;
            longest = Math.Max(longest, Chain(root, target, at, chains, depth + 1));
        }

        return chains[pointer] = 1 + longest;
    }

    /// <summary>What a reference into the schema itself names.</summary>
    internal static bool TryFind(JsonElement root, string reference, out JsonElement target, out string pointer)
    {
        (target, pointer) = (root, reference.TrimStart('#'));
        if (reference is not "#" && !reference.StartsWith("#/", StringComparison.Ordinal))
            return false;
        foreach (var name in pointer.Split('/').Skip(1))
        {
            if (target.ValueKind is JsonValueKind.Array && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < target.GetArrayLength())
                target = target[index];
            else if (target.ValueKind is not JsonValueKind.Object || !target.TryGetProperty(name, out target))
                return false;
        }

        return true;
    }
}
