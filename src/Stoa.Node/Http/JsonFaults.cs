using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Stoa.Client;
using Stoa.Market;

namespace Stoa.Node.Http;

/// <summary>Finds everything that is wrong with a JSON document, compared with the contract that it should follow.</summary>
/// <remarks>Only documents that were refused come here, so it may take its time. It stops at <see cref="MaxFaults"/>.</remarks>
public sealed class JsonFaults
{
    /// <summary>More reasons than these help nobody.</summary>
    public const int MaxFaults = 50;

    private readonly List<FieldError> _faults = [];

    private JsonFaults()
    {
    }

    /// <summary>At least one reason, each with its JSON Pointer.</summary>
    /// <param name="utf8">The document.</param>
    /// <param name="contract">What it should be.</param>
    public static IReadOnlyList<FieldError> Find(ReadOnlySpan<byte> utf8, JsonTypeInfo contract)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = StoaJson.MaxDepth });
            using var document = JsonDocument.ParseValue(ref reader);
            var search = new JsonFaults();
            search.Look(document.RootElement, contract, "");
            if (search._faults.Count == 0)
            {
                // What was refused is not in the document, so it comes after it; reading on says where.
                reader.Read();
                search.Add("", "A JSON object that follows the contract is expected.");
            }

            return search._faults;
        }
        catch (JsonException broken)
        {
            return [new FieldError("", Describe(broken))];
        }
        catch (InvalidOperationException)
        {
            return [new FieldError("", "A member's name holds half a surrogate pair, which is not Unicode.")];
        }
    }

    private static string Describe(JsonException broken) =>
        broken.Message.Contains("maximum configured depth", StringComparison.Ordinal)
            ? $"Arrays and objects nest deeper than {StoaJson.MaxDepth} levels."
            : $"This is not JSON from line {broken.LineNumber + 1}, byte {broken.BytePositionInLine + 1} on.";

    private void Look(JsonElement value, JsonTypeInfo contract, string pointer)
    {
        switch (contract.Kind)
        {
            case JsonTypeInfoKind.Object when value.ValueKind is JsonValueKind.Object:
                LookAtMembers(value, contract, pointer);
                break;
            case JsonTypeInfoKind.Object:
                Add(pointer, "A JSON object is expected.");
                break;
            case JsonTypeInfoKind.Dictionary when value.ValueKind is JsonValueKind.Object:
                foreach (var member in Unrepeated(value, pointer))
                    LookOrRefuseNull(member.Value, contract.ElementType!, contract, Append(pointer, member.Name));
                break;
            case JsonTypeInfoKind.Dictionary:
                Add(pointer, "A JSON object is expected.");
                break;
            case JsonTypeInfoKind.Enumerable when value.ValueKind is JsonValueKind.Array:
                var index = 0;
                foreach (var item in value.EnumerateArray())
                    LookOrRefuseNull(item, contract.ElementType!, contract, $"{pointer}/{index++}");
                break;
            case JsonTypeInfoKind.Enumerable:
                Add(pointer, "A JSON array is expected.");
                break;
            case JsonTypeInfoKind.None:
            default:
                LookAtLeaf(value, contract, pointer);
                break;
        }
    }

    private void LookAtMembers(JsonElement value, JsonTypeInfo contract, string pointer)
    {
        var present = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in Unrepeated(value, pointer))
        {
            present.Add(member.Name);
            var declared = contract.Properties.FirstOrDefault(property => property.Name == member.Name);
            if (declared is null)
                Add(Append(pointer, member.Name), $"There is no such member here. Known are: {string.Join(", ", contract.Properties.Select(property => property.Name))}.");
            else if (member.Value.ValueKind is not JsonValueKind.Null)
                Look(member.Value, contract.Options.GetTypeInfo(declared.PropertyType), Append(pointer, member.Name));
            else if (!declared.IsSetNullable)
                Add(Append(pointer, member.Name), "The member must not be null.");
        }

        foreach (var absent in contract.Properties.Where(property => property.IsRequired && !present.Contains(property.Name)))
            Add(Append(pointer, absent.Name), "The member is missing.");
    }

    private void LookOrRefuseNull(JsonElement value, Type type, JsonTypeInfo parent, string pointer)
    {
        if (value.ValueKind is JsonValueKind.Null)
            Add(pointer, "The value must not be null.");
        else
            Look(value, parent.Options.GetTypeInfo(type), pointer);
    }

    private void LookAtLeaf(JsonElement value, JsonTypeInfo contract, string pointer)
    {
        if (contract.Type == typeof(JsonElement) || contract.Type == typeof(JsonElement?))
        {
            LookForRepeats(value, pointer);
            return;
        }

        try
        {
            value.Deserialize(contract);
        }
        catch (JsonException refused)
        {
            Add(pointer, value.ValueKind is JsonValueKind.String && contract.Type == typeof(string)
                ? "The text holds half a surrogate pair, which is not Unicode."
                : Expect(Nullable.GetUnderlyingType(contract.Type) ?? contract.Type, refused));
        }
    }

    private static string Expect(Type type, JsonException refused) => Type.GetTypeCode(type) switch
    {
        TypeCode.String => "A string is expected.",
        TypeCode.Boolean => "true or false is expected.",
        TypeCode.Int32 or TypeCode.Int64 => "A whole number in range is expected.",
        TypeCode.Double or TypeCode.Decimal => "A number is expected.",
        // Our own converters say themselves what they expect.
        _ => refused.Message,
    };

    private void LookForRepeats(JsonElement value, string pointer)
    {
        if (value.ValueKind is JsonValueKind.Object)
        {
            foreach (var member in Unrepeated(value, pointer))
                LookForRepeats(member.Value, Append(pointer, member.Name));
        }
        else if (value.ValueKind is JsonValueKind.Array)
        {
            var index = 0;
            foreach (var item in value.EnumerateArray())
                LookForRepeats(item, $"{pointer}/{index++}");
        }
    }

    private IEnumerable<JsonProperty> Unrepeated(JsonElement value, string pointer)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var member in value.EnumerateObject())
        {
            if (seen.Add(member.Name))
                yield return member;
            else
                Add(Append(pointer, member.Name), "The member is there more than once.");
        }
    }

    private void Add(string pointer, string reason)
    {
        if (_faults.Count < MaxFaults)
            _faults.Add(new FieldError(pointer, reason));
    }

    /// <summary>RFC 6901 section 3: tilde and slash are escaped. A name is cut when it is longer than any of ours.</summary>
    private static string Append(string pointer, string name)
    {
        var shown = name.Length <= 100 ? name : name[..100] + "…";
        return $"{pointer}/{shown.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal)}";
    }
}
