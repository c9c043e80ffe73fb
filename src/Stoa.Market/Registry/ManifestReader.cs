using System.Text.Json;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Registry;

/// <summary>Reads <c>agent.json</c> and says everything that is wrong with it at once.</summary>
/// <remarks>Unknown and repeated members are refused: a misspelt limit must not silently become a default.</remarks>
public static class ManifestReader
{
    /// <summary>The largest manifest that is read.</summary>
    public const int MaxBytes = 64 * 1024;

    internal const int MaxDepth = 32;

    private const int MaxListItems = 32;
    private const int MaxTagLength = 64;
    private const int MaxDescriptionLength = 1_000;
    private const long Megabyte = 1 << 20;
    private const string CapabilityRule = "a dotted lower-case name such as image.resize";

    /// <summary>The bounds of every limit: the least that makes sense and the most that any node may be asked for.</summary>
    private static readonly (string Name, long Least, long Most)[] s_limitBounds =
    [
        ("fuel", 1, 1_000_000_000_000_000),
        ("memoryBytes", 64 * 1024, 4096 * Megabyte),
        ("timeoutMs", 1, 24L * 60 * 60 * 1000),
        ("outputBytes", 0, 4096 * Megabyte),
        ("logBytes", 0, 16 * Megabyte),
    ];

    /// <summary>The manifest, or <see cref="PublishRefusal.ManifestInvalid"/> with every reason.</summary>
    public static Outcome<AgentManifest, PublishRefusal> Read(ReadOnlyMemory<byte> json) => Read(json, isDraft: false);

    /// <summary>Likewise of a manifest before it is published: its <c>uses</c> may name a range alone, for which <see cref="UseRanges"/> writes a version.</summary>
    public static Outcome<AgentManifest, PublishRefusal> ReadDraft(ReadOnlyMemory<byte> json) => Read(json, isDraft: true);

    private static Outcome<AgentManifest, PublishRefusal> Read(ReadOnlyMemory<byte> json, bool isDraft)
    {
        if (json.Length > MaxBytes)
            return Refused([new FieldError("", $"The manifest has {json.Length:N0} bytes; at most {MaxBytes:N0} are read.")]);
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = MaxDepth, AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            return Refused([new FieldError("", $"The manifest is not JSON: {e.Message}")]);
        }
        catch (InvalidOperationException)
        {
            return NotUnicode();
        }

        using (document)
        {
            var root = new JsonFields(document.RootElement);
            try
            {
                var manifest = ReadManifest(root, isDraft);
                return root.Errors.Count == 0 ? manifest : Refused(root.Errors);
            }
            catch (InvalidOperationException)
            {
                // The parser lets the escape through; only reading the text finds that it is none.
                return NotUnicode();
            }
        }
    }

    private static Refusal<PublishRefusal> NotUnicode() =>
        Refused([new FieldError("", "A text is not Unicode: half of a surrogate pair is alone.")]);

    private static Refusal<PublishRefusal> Refused(List<FieldError> errors) =>
        new(PublishRefusal.ManifestInvalid, $"agent.json has {errors.Count} fault(s); mend them and publish again.", errors);

    // What the manifests of all kinds of listings have in common.

    internal static string ReadName(JsonFields root) => root.Text("name", Names.IsAgentName, "2 to 64 characters of a-z 0-9 -, starting with a letter");

    internal static SemanticVersion ReadVersion(JsonFields root) => root.Parsed<SemanticVersion>("version", "a semantic version such as 1.0.0")!;

    internal static string ReadDescription(JsonFields root) => root.Text(
        "description", text => text.Length is > 0 and <= MaxDescriptionLength && JsonFields.IsReadable(text), $"1 to {MaxDescriptionLength} characters, none of them a control character");

    internal static IReadOnlyList<string> ReadTags(JsonFields root) => root.Texts(
        "tags", 0, MaxListItems, tag => tag.Length is > 0 and <= MaxTagLength && JsonFields.IsReadable(tag), $"1 to {MaxTagLength} characters, none of them a control character");

    internal static IReadOnlyList<string> ReadCapabilities(JsonFields root)
    {
        var capabilities = root.Texts("capabilities", 1, MaxListItems, Names.IsCapability, CapabilityRule);
        root.RefuseRepeated("capabilities", capabilities);
        return capabilities;
    }

    internal static string? ReadCategory(JsonFields root) =>
        root.Has("category") ? root.Text("category", Names.IsCategory, "2 to 32 characters of a-z 0-9 -, starting with a letter, such as image-editing") : null;

    internal static string? ReadLicense(JsonFields root) => root.Has("license")
        ? root.Text("license", SpdxExpression.IsValid, $"a licence expression of SPDX such as MIT or Apache-2.0 OR MIT, of at most {SpdxExpression.MaxLength} characters")
        : null;

    private static AgentManifest ReadManifest(JsonFields root, bool isDraft)
    {
        var manifest = new AgentManifest(
            ReadName(root),
            ReadVersion(root),
            ReadDescription(root),
            root.Texts("capabilities", 1, MaxListItems, Names.IsCapability, CapabilityRule),
            ReadTags(root),
            root.Text("program", IsFileName, "the file name of the program beside the manifest, such as my-agent.wasm"),
            ReadPort(root.Object("input")),
            ReadPort(root.Object("output")),
            root.Objects("parameters", MaxListItems, ReadParameter),
            ReadLimits(root.Object("limits")),
            root.Texts("permissions", 0, MaxListItems, _ => false, "left out: this version of Stoa grants no permissions yet"),
            ReadPrice(root.Object("price"), out var factors))
        {
            Factors = factors,
            Royalties = root.Objects("royalties", RoyaltyTerm.MostTerms, ReadRoyalty),
            Uses = root.Objects("uses", AgentUse.MostUses, fields => ReadUse(fields, isDraft)),
            Asks = root.Objects("asks", AgentAsk.MostAsks, ReadAsk),
            // Whoever needs none leaves the member out: statements of agents that name models have a schema of their own.
            Models = root.IsNamed("models") ? root.Objects("models", AgentModel.MostModels, ReadModel, least: 1) : [],
            Category = ReadCategory(root),
            License = ReadLicense(root),
        };
        if (manifest.Royalties.Sum(term => term.Permille) > RoyaltyTerm.Whole)
            root.Refuse("royalties", "no more than 1 in all: it is the creator's share that they are of");
        root.RefuseRepeated("parameters", manifest.Parameters.Select(parameter => parameter.Name));
        root.RefuseRepeated("capabilities", manifest.Capabilities);
        root.RefuseRepeated("uses", manifest.Uses.Where(use => use.Agent.Name.Length > 0).Select(NameOf));
        root.RefuseRepeated("asks", manifest.Asks.Where(ask => ask.Model.Length > 0).Select(ask => ask.Model));
        root.RefuseRepeated("models", manifest.Models.Where(model => model.Model.Listing.Name.Length > 0).Select(model => model.Model.Listing.ToString()));
        root.RefuseUnknown();
        return manifest;
    }

    private static AgentPort ReadPort(JsonFields fields)
    {
        var mediaType = fields.Text("mediaType", IsMediaType, "a media type such as text/csv");
        var schema = fields.Raw("schema");
        if (schema is not null)
        {
            if (mediaType.Length > 0 && mediaType != "application/json")
                fields.Refuse("schema", "only given when the media type is application/json");
            foreach (var error in PortSchema.Check(schema))
                fields.Refuse("schema" + error.Pointer, error.Reason);
        }

        fields.RefuseUnknown();
        return new AgentPort(mediaType, schema);
    }

    private static AgentParameter ReadParameter(JsonFields fields)
    {
        var parameter = new AgentParameter(
            fields.Text("name", Names.IsAgentName, "2 to 64 characters of a-z 0-9 -, starting with a letter"),
            fields.Text("description", text => text.Length is > 0 and <= MaxDescriptionLength && JsonFields.IsReadable(text), $"1 to {MaxDescriptionLength} characters, none of them a control character"),
            fields.OneOf<AgentParameterType>("type"),
            fields.OptionalText("default", MaxDescriptionLength),
            fields.Texts("values", 0, 256, value => value.Length is > 0 and <= 256 && JsonFields.IsReadable(value), "1 to 256 characters, none of them a control character"));
        if ((parameter.Type is AgentParameterType.Choice) != (parameter.Values.Count > 0))
            fields.Refuse("values", "given, with at least one text, exactly when the type is choice");
        fields.RefuseUnknown();
        return parameter;
    }

    private static RoyaltyTerm ReadRoyalty(JsonFields fields)
    {
        var (hasPerson, hasAgent) = (fields.Has("to"), fields.Has("agent"));
        if (hasPerson == hasAgent)
            fields.Refuse(hasPerson ? "agent" : "to", "given where the other is not: a royalty goes to a person (to) or to those who made an agent (agent)");
        var person = hasPerson && !hasAgent ? fields.Text("to", Names.IsHandle, "a handle") : null;
        var agent = hasAgent ? fields.Parsed<ListingName>("agent", "an agent with its version, such as stoa/image-resize@1.0.0") : null;
        if (agent is { Version: null })
            fields.Refuse("agent", "an agent with its version, such as stoa/image-resize@1.0.0");
        var term = new RoyaltyTerm(person, agent, fields.Thousandths("share", 1, RoyaltyTerm.Whole));
        fields.RefuseUnknown();
        return term;
    }

    // A draft may take two versions of one agent, by two ranges.
    private static string NameOf(AgentUse use) => use.Agent.Version is null ? $"{use.Agent}@{use.Range}" : use.Agent.ToString();

    private static AgentUse ReadUse(JsonFields fields, bool isDraft)
    {
        const string exact = "an agent with its version, such as stoa/image-resize@1.0.0";
        var agent = fields.Parsed<ListingName>("agent", exact);
        // Whoever has none leaves the member out: statements of agents that name ranges have a schema of their own.
        var isRanged = fields.IsNamed("range");
        var range = isRanged ? fields.Parsed<SemanticRange>("range", GoodsReader.RangeRule) : null;
        if (agent is { Version: null } && !isRanged)
            fields.Refuse("agent", exact);
        else if (agent is { Version: null } && range is not null && !isDraft)
            fields.Refuse("agent", $"{exact}: {range} alone does not say which one is called. Publish with stoa agent publish, which takes the newest version that fits, or name one");
        else if (agent?.Version is { } version && range?.Takes(version) is false)
            fields.Refuse("range", $"one that takes the version beside it: {range} does not take {agent}");
        var maxPrice = ReadMoney(fields, "maxPrice");
        if (maxPrice > AgentUse.MostPrice)
            fields.Refuse("maxPrice", $"at most {AgentUse.MostPrice}");
        var use = new AgentUse(
            agent ?? new ListingName("", "", Version: null),
            (int)fields.Number("maxCalls", 1, AgentUse.MostCalls),
            maxPrice,
            fields.Has("maxInputBytes") ? fields.Number("maxInputBytes", 0, AgentUse.MostInputBytes) : AgentUse.DefaultInputBytes,
            fields.Has("limits") ? ReadUseLimits(fields.Object("limits")) : UseLimits.None)
        {
            Range = range,
        };
        fields.RefuseUnknown();
        return use;
    }

    private static AgentAsk ReadAsk(JsonFields fields)
    {
        const string one = "given where neither of the other two is: listing, auto and route say each in another way which model is asked";
        var (isOpen, isRoute) = (fields.Has("auto"), fields.Has("route"));
        foreach (var (name, isWrong) in new[] { ("auto", isOpen && fields.Has("listing")), ("route", isRoute && (isOpen || fields.Has("listing"))) })
        {
            if (isWrong)
                fields.Refuse(name, one);
        }

        if (fields.Has("range") && (isOpen || isRoute))
            fields.Refuse("range", "left out where no listing is named");
        var maxPrice = ReadMoney(fields, "maxPrice");
        if (maxPrice > AgentUse.MostPrice)
            fields.Refuse("maxPrice", $"at most {AgentUse.MostPrice}");
        var ask = new AgentAsk(
            isRoute ? fields.Text("route", Names.IsRoute, Names.RouteRule) : isOpen ? ReadOpenModel(fields) : ReadListedModel(fields),
            isRoute,
            (int)fields.Number("maxRequests", 1, AgentAsk.MostRequests),
            maxPrice,
            fields.Has("maxRequestBytes") ? fields.Number("maxRequestBytes", 1, AgentAsk.MostBytes) : AgentAsk.DefaultBytes,
            fields.Has("maxAnswerBytes") ? fields.Number("maxAnswerBytes", 1, AgentAsk.MostBytes) : AgentAsk.DefaultBytes);
        fields.RefuseUnknown();
        return ask;
    }

    private static string ReadOpenModel(JsonFields fields)
    {
        var capabilities = fields.Texts("auto", 0, AgentAsk.MostCapabilities, Names.IsCapability, CapabilityRule);
        fields.RefuseRepeated("auto", capabilities);
        return capabilities.Count == 0 ? "auto" : $"auto:{string.Join(',', capabilities)}";
    }

    private static string ReadListedModel(JsonFields fields)
    {
        var demand = GoodsReader.ReadDemand(fields);
        return demand.Listing.Name.Length == 0 ? "" : demand.Range == SemanticRange.Any ? demand.Listing.ToString() : $"{demand.Listing}@{demand.Range}";
    }

    private static AgentModel ReadModel(JsonFields fields)
    {
        var model = new AgentModel(GoodsReader.ReadDemand(fields), fields.Has("preferred") && fields.Flag("preferred"));
        fields.RefuseUnknown();
        return model;
    }

    private static UseLimits ReadUseLimits(JsonFields fields)
    {
        var values = s_limitBounds.Select(bound => fields.Has(bound.Name) ? fields.Number(bound.Name, bound.Least, bound.Most) : (long?)null).ToArray();
        fields.RefuseUnknown();
        return new UseLimits(values[0], values[1], values[2], values[3], values[4]);
    }

    private static AgentLimits ReadLimits(JsonFields fields)
    {
        var values = s_limitBounds.Select(bound => fields.Number(bound.Name, bound.Least, bound.Most)).ToArray();
        fields.RefuseUnknown();
        return new AgentLimits(values[0], values[1], values[2], values[3], values[4]);
    }

    private static AgentPrice ReadPrice(JsonFields fields, out PriceFactors factors)
    {
        var price = new AgentPrice(
            ReadMoney(fields, "base"),
            ReadMoney(fields, "perMegabyte"),
            ReadMoney(fields, "perGigafuel"),
            fields.Has("perGigabyteSecond") ? ReadMoney(fields, "perGigabyteSecond") : Money.Zero);
        factors = fields.Has("tiers") ? ReadTiers(fields.Object("tiers")) : PriceFactors.None;
        if (fields.Has("demand"))
            factors = factors with { Demand = ReadDemand(fields.Object("demand")) };
        if (fields.Has("volume"))
            factors = factors with { Volume = ReadVolume(fields) };
        fields.RefuseUnknown();
        return price;
    }

    private static PriceFactors ReadTiers(JsonFields fields)
    {
        var tiers = new PriceFactors(Tier("background"), Tier("high"), Tier("urgent"), Demand: null);
        fields.RefuseUnknown();
        return tiers;

        int Tier(string name) => fields.Has(name) ? fields.Thousandths(name, PriceFactors.LeastTier, PriceFactors.Most) : PriceFactors.One;
    }

    private static DemandFactor ReadDemand(JsonFields fields)
    {
        var demand = new DemandFactor(
            fields.Thousandths("max", PriceFactors.One, PriceFactors.Most),
            fields.Has("from") ? fields.Thousandths("from", 0, PriceFactors.One - 1) : 0,
            (int)fields.Number("capacity", 1, DemandFactor.MostCapacity));
        fields.RefuseUnknown();
        return demand;
    }

    private static VolumeFactor ReadVolume(JsonFields price)
    {
        VolumeTier? before = null;
        return new VolumeFactor(price.Objects("volume", VolumeFactor.MostTiers, ReadTier, least: 1));

        VolumeTier ReadTier(JsonFields fields)
        {
            var faults = fields.Errors.Count;
            var tier = new VolumeTier(
                fields.Number("from", 1, VolumeTier.MostFrom), fields.Thousandths("factor", VolumeTier.LeastFactor, VolumeTier.MostFactor));
            fields.RefuseUnknown();
            // One that has a fault of its own is compared with nothing.
            if (fields.Errors.Count > faults)
                return tier;
            if (tier.From <= before?.From)
                fields.Refuse("from", $"more than the {before.Value.From:N0} of the tier before it");
            if (tier.Factor >= before?.Factor)
                fields.Refuse("factor", "less than that of the tier before it");
            before = tier;
            return tier;
        }
    }

    internal static Money ReadMoney(JsonFields fields, string name)
    {
        var amount = fields.Parsed<Money>(name, "a decimal text in US dollars such as \"0.000100000\"");
        if (amount < Money.Zero)
            fields.Refuse(name, "zero or more: a price is never negative");
        return amount;
    }

    private static bool IsFileName(string text) =>
        text.Length is > 0 and <= 255 && !text.Any(c => c is '/' or '\\' || char.IsControl(c)) && text is not ("." or "..");

    private static bool IsMediaType(string text) =>
        text.Length <= 127 && System.Net.Http.Headers.MediaTypeHeaderValue.TryParse(text, out var value)
        && value.MediaType == text && !text.Contains('*', StringComparison.Ordinal);
}
