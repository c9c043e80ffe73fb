using System.Text.Json;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Goods;

/// <summary>Reads the manifest of a model, a template, a bundle or a dataset, and says everything that is wrong with it at once.</summary>
/// <remarks>The member <c>kind</c> says which of them it is. As in <c>agent.json</c>, unknown and repeated members are refused.</remarks>
public static class GoodsReader
{
    /// <summary>The most listings of a bundle, and the most that anything requires.</summary>
    public const int MaxDemands = 64;

    /// <summary>The most bytes that goods consist of.</summary>
    public const long MaxContentBytes = 1L << 50;

    private const int MaxDepth = 32;
    private const int MaxFormats = 8;
    private const int MaxFormatLength = 127;
    private const int MaxWordLength = 32;
    private const string ListingRule = "a listing without a version, such as stoa/image-resize";

    internal static string RangeRule { get; } = $"a range of versions such as ^1.2.0, of at most {SemanticRange.MaxLength} characters";

    /// <summary>The manifest, or <see cref="GoodsRefusal.GoodsInvalid"/> with every reason.</summary>
    public static Outcome<GoodsManifest, GoodsRefusal> Read(ReadOnlyMemory<byte> json)
    {
        if (json.Length > ManifestReader.MaxBytes)
            return Refused([new FieldError("", $"The manifest has {json.Length:N0} bytes; at most {ManifestReader.MaxBytes:N0} are read.")]);
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
            var root = new JsonFields(document.RootElement);
            var manifest = ReadManifest(root);
            return root.Errors.Count == 0 ? manifest! : Refused(root.Errors);
        }
        catch (JsonException wrong)
        {
            return Refused([new FieldError("", $"The manifest is not JSON: {wrong.Message}")]);
        }
        catch (InvalidOperationException)
        {
            // The parser lets the escape through; only reading the text finds that it is none.
            return Refused([new FieldError("", "A text is not Unicode: half of a surrogate pair is alone.")]);
        }
    }

    private static Refusal<GoodsRefusal> Refused(List<FieldError> errors) => new(GoodsRefusal.GoodsInvalid, $"The manifest has {errors.Count} fault(s); mend them and publish again.", errors);

    private static GoodsManifest? ReadManifest(JsonFields root)
    {
        var kind = root.OneOf<ListingKind>("kind");
        var faults = root.Errors.Count;
        if (faults == 0 && kind is ListingKind.Agent)
            root.Refuse("kind", "model, template, bundle or dataset: an agent is published with its program");
        var (name, version, description, tags) = (ManifestReader.ReadName(root), ManifestReader.ReadVersion(root), ManifestReader.ReadDescription(root), ManifestReader.ReadTags(root));
        var (category, license) = (ManifestReader.ReadCategory(root), ManifestReader.ReadLicense(root));
        GoodsDetails? details = kind switch
        {
            ListingKind.Model => ReadModel(root),
            ListingKind.Dataset => ReadDataset(root),
            ListingKind.Template => ReadTemplate(root),
            ListingKind.Bundle => ReadBundle(root),
            // What else belongs to it cannot be said as long as it is not known what it is.
            ListingKind.Agent => null,
            _ => throw new ArgumentOutOfRangeException(nameof(root), kind, "A kind that is known is expected."),
        };
        if (details is null)
            return null;
        root.RefuseUnknown();
        return new GoodsManifest(name, version, description, tags, category, license, details);
    }

    private static ModelDetails ReadModel(JsonFields root)
    {
        var model = new ModelDetails(
            root.Text("framework", IsWord, $"1 to {MaxWordLength} characters of a-z 0-9 . + -, such as gguf"),
            root.Has("architecture") ? root.Text("architecture", IsWord, $"1 to {MaxWordLength} characters of a-z 0-9 . + -, such as llama") : null,
            root.Has("quantisation") ? root.Text("quantisation", IsQuantisation, $"1 to {MaxWordLength} characters of A-Z a-z 0-9 _ . -, such as Q4_K_M") : null,
            root.Has("contextLength") ? root.Number("contextLength", 1, int.MaxValue) : null,
            root.Has("parameterCount") ? root.Number("parameterCount", 1, CanonicalJson.MaxInteger) : null,
            ReadContent(root, "weights"),
            ManifestReader.ReadCapabilities(root),
            root.Has("price") ? ReadPrice(root.Object("price")) : null,
            ReadDemands(root, "requires", least: 0));
        return model;
    }

    private static ModelPrice ReadPrice(JsonFields fields)
    {
        var price = new ModelPrice(ManifestReader.ReadMoney(fields, "perMillionInputTokens"), ManifestReader.ReadMoney(fields, "perMillionOutputTokens"));
        fields.RefuseUnknown();
        return price;
    }

    private static DatasetDetails ReadDataset(JsonFields root)
    {
        var dataset = new DatasetDetails(
            root.Texts("formats", 1, MaxFormats, format => format.Length is > 0 and <= MaxFormatLength && format.All(character => character is > ' ' and < '\x7f'), $"1 to {MaxFormatLength} printable characters of ASCII, such as text/csv or parquet"),
            root.Number("records", 0, CanonicalJson.MaxInteger),
            ReadContent(root, "content"));
        root.RefuseRepeated("formats", dataset.Formats);
        return dataset;
    }

    private static TemplateDetails ReadTemplate(JsonFields root)
    {
        var schema = root.Raw("parameters");
        if (schema is null)
            root.Refuse("parameters", "a JSON Schema of what the template is filled in with");
        foreach (var error in schema is null ? [] : PortSchema.Check(schema))
            root.Refuse("parameters" + error.Pointer, error.Reason);
        return new TemplateDetails(schema ?? "", ReadContent(root, "content"), ReadDemands(root, "requires", least: 0));
    }

    private static BundleDetails ReadBundle(JsonFields root) => new(ReadDemands(root, "listings", least: 1));

    private static GoodsContent ReadContent(JsonFields root, string name)
    {
        var fields = root.Object(name);
        var content = new GoodsContent(fields.Parsed<ContentHash>("digest", "a digest such as sha256:…"), fields.Number("bytes", 1, MaxContentBytes));
        fields.RefuseUnknown();
        return content;
    }

    private static IReadOnlyList<ListingDemand> ReadDemands(JsonFields root, string name, int least)
    {
        var demands = root.Objects(name, MaxDemands, ReadClosedDemand, least);
        root.RefuseRepeated(name, demands.Where(demand => demand.Listing.Name.Length > 0).Select(demand => demand.Listing.ToString()));
        return demands;
    }

    private static ListingDemand ReadClosedDemand(JsonFields fields)
    {
        var demand = ReadDemand(fields);
        fields.RefuseUnknown();
        return demand;
    }

    /// <summary>Reads <c>listing</c> and <c>range</c>; what else belongs to it is the caller's.</summary>
    internal static ListingDemand ReadDemand(JsonFields fields)
    {
        var listing = fields.Parsed<ListingName>("listing", ListingRule);
        if (listing is { Version: not null })
            fields.Refuse("listing", ListingRule);
        var range = fields.Has("range") ? fields.Parsed<SemanticRange>("range", RangeRule) : null;
        return new ListingDemand(listing ?? new ListingName("", "", Version: null), range ?? SemanticRange.Any);
    }

    private static bool IsWord(string text) =>
        text.Length is > 0 and <= MaxWordLength && char.IsAsciiLetterOrDigit(text[0]) && text.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character is '.' or '+' or '-');

    private static bool IsQuantisation(string text) =>
        text.Length is > 0 and <= MaxWordLength && char.IsAsciiLetterOrDigit(text[0]) && text.All(character => char.IsAsciiLetterOrDigit(character) || character is '_' or '.' or '-');
}
