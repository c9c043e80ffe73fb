using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Stoa.Market.Templates;

/// <summary>Finds and fills in the blanks of a template.</summary>
/// <remarks>
/// Blanks are filled in within the texts of the JSON document, never in its syntax, so no value can add a member or end a text. A
/// text below <c>/input/json</c> that is nothing but a blank becomes the value itself, a number or a truth value too.
/// </remarks>
public static partial class TemplateBlanks
{
    /// <summary>Most parameters of a template.</summary>
    public const int MaxParameters = 50;

    /// <summary>Most characters of a value that is a text.</summary>
    public const int MaxTextLength = 65_536;

    /// <summary>Most characters of all texts together once they are filled in: more than a submission takes.</summary>
    public const int MaxFilledLength = 2 << 20;

    // More reasons than these help nobody, and each names all that there are.
    private const int MaxUnknownTold = 32;

    /// <summary>Every reason against a template.</summary>
    public static IEnumerable<FieldError> Check(string name, IReadOnlyList<TemplateParameter> parameters, JsonNode task)
    {
        if (name.Length is 0 or > 100 || name.Any(char.IsControl))
            yield return new FieldError("/name", "A name has 1 to 100 characters, none of them a control character.");
        if (parameters.Count > MaxParameters)
            yield return new FieldError("/parameters", $"A template has at most {MaxParameters} parameters.");
        for (var index = 0; index < parameters.Count; index++)
        {
            var parameter = parameters[index];
            if (!NamePattern().IsMatch(parameter.Name))
                yield return new FieldError($"/parameters/{index}/name", "A name has 1 to 64 letters, digits and underscores, a letter first.");
            else if (parameters.Take(index).Any(other => other.Name == parameter.Name))
                yield return new FieldError($"/parameters/{index}/name", $"There are two parameters {parameter.Name}.");
            if (parameter.Default is { } value && Misfit(parameter, value) is { } reason)
                yield return new FieldError($"/parameters/{index}/default", reason);
        }

        var known = parameters.Select(parameter => parameter.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var blank in Texts(task).SelectMany(text => BlankPattern().Matches(text)).Select(match => match.Groups[1].Value).Distinct().Where(blank => !known.Contains(blank)))
            yield return new FieldError("/task", $"The blank {{{{{blank}}}}} is none of the parameters.");
    }

    /// <summary>The submission with its blanks filled in.</summary>
    public static Outcome<JsonNode, TemplateRefusal> Fill(TaskTemplate template, IReadOnlyDictionary<string, JsonElement> given)
    {
        var errors = given.Keys.Except(template.Parameters.Select(parameter => parameter.Name)).Take(MaxUnknownTold)
            .Select(name => new FieldError(
                "/parameters/" + Escape(name),
                $"There is no such parameter. There are: {string.Join(", ", template.Parameters.Select(parameter => parameter.Name))}.")).ToList();
        var values = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        foreach (var parameter in template.Parameters)
        {
            var value = given.TryGetValue(parameter.Name, out var found) ? found : parameter.Default;
            if (value is null)
                errors.Add(new FieldError("/parameters/" + parameter.Name, "A value is expected: there is no default."));
            else if (Misfit(parameter, value.Value) is { } reason)
                errors.Add(new FieldError("/parameters/" + parameter.Name, reason));
            else
                values[parameter.Name] = value.Value;
        }

        if (errors.Count > 0)
            return new Refusal<TemplateRefusal>(TemplateRefusal.TemplateValuesInvalid, $"The values do not fit the template {template.Name}.", errors);
        var task = JsonNode.Parse(template.Task)!;
        // Reckoned first: ten thousand blanks with a long value each would not fit in memory.
        return LengthOf(task, values) > MaxFilledLength
            ? new Refusal<TemplateRefusal>(
                TemplateRefusal.TemplateValuesInvalid,
                $"Filled in, the texts of the template {template.Name} would have more than {MaxFilledLength:N0} characters. Give shorter values; upload a long input with POST /api/v1/blobs and give its digest.")
            : Fill(task, values, isJsonInput: false, depth: 0)!;
    }

    private static long LengthOf(JsonNode task, Dictionary<string, JsonElement> values)
    {
        var lengths = values.ToDictionary(value => value.Key, value => (long)TextOf(value.Value).Length, StringComparer.Ordinal);
        return Texts(task).Sum(text => text.Length + BlankPattern().Matches(text).Sum(match => lengths[match.Groups[1].Value]));
    }

    private static JsonNode? Fill(JsonNode? node, Dictionary<string, JsonElement> values, bool isJsonInput, int depth)
    {
        switch (node)
        {
            case JsonObject members:
                var filled = new JsonObject();
                foreach (var (name, member) in members)
                    filled[name] = Fill(member, values, isJsonInput || (depth == 1 && name == "json" && members.GetPropertyName() == "input"), depth + 1);
                return filled;
            case JsonArray items:
                return new JsonArray([.. items.Select(item => Fill(item, values, isJsonInput, depth + 1))]);
            case JsonValue value when value.TryGetValue<string>(out var text):
                return isJsonInput && WholeBlankPattern().Match(text) is { Success: true } whole
                    ? JsonNode.Parse(values[whole.Groups[1].Value].GetRawText())
                    : JsonValue.Create(BlankPattern().Replace(text, match => TextOf(values[match.Groups[1].Value])));
            default:
                return node?.DeepClone();
        }
    }

    private static string TextOf(JsonElement value) => value.ValueKind is JsonValueKind.String ? value.GetString()! : value.GetRawText();

    private static string? Misfit(TemplateParameter parameter, JsonElement value) => parameter.Type switch
    {
        ParameterType.Text => value.ValueKind is JsonValueKind.String && value.GetString()!.Length <= MaxTextLength
            ? null : $"A text is expected, of at most {MaxTextLength} characters.",
        ParameterType.Number => value.ValueKind is JsonValueKind.Number ? null : "A number is expected.",
        ParameterType.Integer => value.ValueKind is JsonValueKind.Number && value.TryGetInt64(out _) ? null : "A whole number is expected.",
        ParameterType.Boolean => value.ValueKind is JsonValueKind.True or JsonValueKind.False ? null : "True or false is expected.",
        _ => throw new ArgumentOutOfRangeException(nameof(parameter)),
    };

    private static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Texts(member.Value)),
        JsonArray items => items.SelectMany(Texts),
        JsonValue value when value.TryGetValue<string>(out var text) => [text],
        _ => [],
    };

    private static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9_]{0,63}\z", RegexOptions.CultureInvariant)]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\{\{([A-Za-z][A-Za-z0-9_]{0,63})\}\}", RegexOptions.CultureInvariant)]
    private static partial Regex BlankPattern();

    [GeneratedRegex(@"^\{\{([A-Za-z][A-Za-z0-9_]{0,63})\}\}\z", RegexOptions.CultureInvariant)]
    private static partial Regex WholeBlankPattern();
}
