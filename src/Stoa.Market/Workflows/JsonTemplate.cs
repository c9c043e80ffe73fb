using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text.Json;
using Stoa.Market.Expressions;
using Stoa.Market.Registry;

namespace Stoa.Market.Workflows;

/// <summary>A JSON value whose texts have expressions in them.</summary>
/// <remarks>Expressions are in values alone, never in the names of members and never in JSON's own syntax: nothing that a node has come to can add a member or end a text.</remarks>
public abstract class JsonTemplate
{
    private Place _place = Place.Root;
    private IReadOnlyList<(JsonTemplate Text, IReadOnlyList<string> Path)>? _reads;
    private IReadOnlyList<string>? _valuesRead;
    private IReadOnlyList<string>? _nodesRead;

    private JsonTemplate()
    {
    }

    /// <summary>Null, as it is.</summary>
    public static JsonTemplate Null { get; } = new Constant(default);

    /// <summary>An object without members.</summary>
    public static JsonTemplate EmptyObject { get; } = new Object([]);

    /// <summary>What its expressions read of the values that there are: the text that does, and the path.</summary>
    public IReadOnlyList<(JsonTemplate Text, IReadOnlyList<string> Path)> Reads => _reads ??= [.. FindReads()];

    /// <summary>Whether there is no expression in it.</summary>
    public bool IsConstant => !Texts.Any(text => text.Template.HasExpressions);

    /// <summary>Names of the values that it reads, nodes aside, each once.</summary>
    internal IReadOnlyList<string> ValuesRead => _valuesRead ??= [.. Reads.Where(read => read.Path is [not ScopeNames.Nodes, ..]).Select(read => read.Path[0]).Distinct(StringComparer.Ordinal)];

    /// <summary>Names of the nodes that it reads, each once.</summary>
    internal IReadOnlyList<string> NodesRead => _nodesRead ??= [.. Reads.Where(read => read.Path is [ScopeNames.Nodes, _, ..]).Select(read => read.Path[1]).Distinct(StringComparer.Ordinal)];

    /// <summary>Its texts, wherever they are in it.</summary>
    internal abstract IEnumerable<Text> Texts { get; }

    /// <summary>Where it stands in the document (RFC 6901). It is put together when it is told: a document may have as many places as bytes.</summary>
    public string Pointer => _place.ToString();

    /// <summary>Reads one.</summary>
    /// <param name="element">The value; its document is kept.</param>
    /// <param name="pointer">Where it stands in the document.</param>
    /// <param name="document">Is told of faults of its expressions.</param>
    internal static JsonTemplate Read(JsonElement element, string pointer, JsonFields document) => Read(element, new Place(null, pointer), document);

    private static JsonTemplate Read(JsonElement element, Place place, JsonFields document)
    {
        JsonTemplate template;
        switch (element.ValueKind)
        {
            case JsonValueKind.Object when element.EnumerateObject().Any(member => member.Name.Length > JsonFields.MostNameLength):
                document.Add(place.ToString(), $"The names of members have at most {JsonFields.MostNameLength} characters.");
                return Null;
            case JsonValueKind.Object:
                template = new Object([.. element.EnumerateObject().Select(member => (member.Name, Read(member.Value, new Place(place, member.Name), document)))]);
                break;
            case JsonValueKind.Array:
                template = new List([.. element.EnumerateArray().Select((item, index) => Read(item, new Place(place, null, index), document))]);
                break;
            case JsonValueKind.String:
                var text = element.GetString()!;
                if (TextTemplate.TryParse(text, out var parsed, out var fault))
                {
                    template = new Text(text, parsed);
                    break;
                }

                document.Add(place.ToString(), $"{fault.Reason} (at character {fault.Offset + 1} of the text)");
                return Null;
            default:
                template = new Constant(element);
                break;
        }

        template._place = place;
        return template;
    }

    /// <summary>A member of an object, or an item of a list, below it; null when there is none.</summary>
    public virtual JsonTemplate? Below(string name) => null;

    /// <summary>The text of a member that has no expression in it; null when it is no such text.</summary>
    public string? TextOf(string member) => Below(member) is Text { IsConstant: true } text ? text.Written : null;

    /// <summary>What is written, as JSON.</summary>
    internal byte[] ToUtf8()
    {
        var bytes = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(bytes))
            Write(writer);
        return bytes.WrittenSpan.ToArray();
    }

    private protected abstract void Write(Utf8JsonWriter writer);

    private protected abstract IEnumerable<(JsonTemplate Text, IReadOnlyList<string> Path)> FindReads();

    /// <summary>Puts it together.</summary>
    /// <param name="scope">The values that expressions read.</param>
    /// <param name="budget">Pays for it.</param>
    /// <param name="value">The value.</param>
    /// <param name="fault">Why there is none; its place is in the text in which it is.</param>
    internal abstract bool TryEvaluate(ExpressionValue scope, ExpressionBudget budget, out ExpressionValue value, [NotNullWhen(false)] out ExpressionFault? fault);

    /// <summary>What is written, on one line: for people.</summary>
    public abstract override string ToString();

    /// <summary>A value without texts, as it is.</summary>
    internal sealed class Constant(JsonElement value) : JsonTemplate
    {
        internal override IEnumerable<Text> Texts => [];

        private protected override IEnumerable<(JsonTemplate Text, IReadOnlyList<string> Path)> FindReads() => [];

        internal override bool TryEvaluate(ExpressionValue scope, ExpressionBudget budget, out ExpressionValue made, [NotNullWhen(false)] out ExpressionFault? fault)
        {
            (made, fault) = (ExpressionValue.Of(value), null);
            return true;
        }

        /// <summary>As JSON Schema calls it.</summary>
        public string Type => value.ValueKind switch
        {
            JsonValueKind.True or JsonValueKind.False => "boolean",
            JsonValueKind.Number => "number",
            _ => "null",
        };

        private protected override void Write(Utf8JsonWriter writer)
        {
            if (value.ValueKind is JsonValueKind.Undefined)
                writer.WriteNullValue();
            else
                value.WriteTo(writer);
        }

        public override string ToString() => value.ValueKind is JsonValueKind.Undefined ? "null" : value.GetRawText();
    }

    /// <summary>A text.</summary>
    internal sealed class Text(string written, TextTemplate template) : JsonTemplate
    {
        public string Written => written;

        public TextTemplate Template => template;

        private protected override IEnumerable<(JsonTemplate Text, IReadOnlyList<string> Path)> FindReads() => template.References.Select(path => ((JsonTemplate)this, path.Names));

        internal override IEnumerable<Text> Texts => [this];

        internal override bool TryEvaluate(ExpressionValue scope, ExpressionBudget budget, out ExpressionValue made, [NotNullWhen(false)] out ExpressionFault? fault) =>
            template.TryEvaluate(scope, budget, out made, out fault);

        private protected override void Write(Utf8JsonWriter writer) => writer.WriteStringValue(written);

        public override string ToString() => written;
    }

    /// <summary>An object.</summary>
    internal sealed class Object(IReadOnlyList<(string Name, JsonTemplate Value)> members) : JsonTemplate
    {
        private Dictionary<string, JsonTemplate>? _byName;

        public IReadOnlyList<(string Name, JsonTemplate Value)> Members => members;

        private protected override IEnumerable<(JsonTemplate Text, IReadOnlyList<string> Path)> FindReads() => members.SelectMany(member => member.Value.FindReads());

        internal override IEnumerable<Text> Texts => members.SelectMany(member => member.Value.Texts);

        internal override bool TryEvaluate(ExpressionValue scope, ExpressionBudget budget, out ExpressionValue made, [NotNullWhen(false)] out ExpressionFault? fault)
        {
            var all = new OrderedDictionary<string, ExpressionValue>(members.Count);
            (made, fault) = (ExpressionValue.Of(all), null);
            foreach (var (name, template) in members)
            {
                if (!template.TryEvaluate(scope, budget, out var member, out fault))
                    return false;
                all.Add(name, member);
            }

            return true;
        }

        public override JsonTemplate? Below(string name) =>
            (_byName ??= members.ToDictionary(member => member.Name, member => member.Value, StringComparer.Ordinal)).GetValueOrDefault(name);

        private protected override void Write(Utf8JsonWriter writer)
        {
            writer.WriteStartObject();
            foreach (var (name, value) in members)
            {
                writer.WritePropertyName(name);
                value.Write(writer);
            }

            writer.WriteEndObject();
        }

        public override string ToString() => $"{{{string.Join(", ", members.Select(member => $"{member.Name}: {member.Value}"))}}}";
    }

    /// <summary>A list.</summary>
    internal sealed class List(IReadOnlyList<JsonTemplate> items) : JsonTemplate
    {
        private protected override IEnumerable<(JsonTemplate Text, IReadOnlyList<string> Path)> FindReads() => items.SelectMany(item => item.FindReads());

        internal override IEnumerable<Text> Texts => items.SelectMany(item => item.Texts);

        internal override bool TryEvaluate(ExpressionValue scope, ExpressionBudget budget, out ExpressionValue made, [NotNullWhen(false)] out ExpressionFault? fault)
        {
            var all = new ExpressionValue[items.Count];
            (made, fault) = (ExpressionValue.Of(all), null);
            for (var place = 0; place < all.Length; place++)
            {
                if (!items[place].TryEvaluate(scope, budget, out all[place], out fault))
                    return false;
            }

            return true;
        }

        private protected override void Write(Utf8JsonWriter writer)
        {
            writer.WriteStartArray();
            foreach (var item in items)
                item.Write(writer);
            writer.WriteEndArray();
        }

        public override string ToString() => $"[{string.Join(", ", items)}]";
    }

    /// <summary>Where a value stands.</summary>
    /// <param name="Within">Where that is which it is in; null at the template itself.</param>
    /// <param name="Name">Of the member; of the template itself its pointer; null for an item.</param>
    /// <param name="Index">Of the item.</param>
    private sealed record Place(Place? Within, string? Name, int Index = 0)
    {
        public static Place Root { get; } = new(null, "");

        public override string ToString()
        {
            var parts = new Stack<string>();
            var place = this;
            for (; place.Within is not null; place = place.Within)
                parts.Push(place.Name is null ? place.Index.ToString(CultureInfo.InvariantCulture) : JsonFields.Escape(place.Name));
            return string.Concat(parts.Select(part => "/" + part).Prepend(place.Name));
        }
    }
}
