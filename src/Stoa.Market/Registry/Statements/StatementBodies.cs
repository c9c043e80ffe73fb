using System.Text;
using System.Text.Json;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;
using static Stoa.Market.Registry.Statements.StatementLimits;

namespace Stoa.Market.Registry.Statements;

/// <summary>The body of each kind, as its JSON Schema has it.</summary>
internal static class StatementBodies
{
    private const long MaxProgramBytes = 1L << 40;

    public static void Write(Utf8JsonWriter json, StatementContent content)
    {
        json.WriteStartObject();
        switch (content)
        {
            case ProfileStatement profile:
                WriteOptional(json, "displayName", profile.DisplayName);
                WriteOptional(json, "handle", profile.Handle);
                break;
            case AgentListing listing:
                json.WriteString("artifactDigest", listing.ArtifactDigest.ToString());
                json.WriteString("manifest", listing.ManifestJson);
                json.WriteNumber("programBytes", listing.ProgramBytes);
                json.WriteString("programDigest", listing.ProgramDigest.ToString());
                break;
            case GoodsStatement goods:
                json.WriteString("kind", EnumWord.Of(goods.Listed));
                json.WriteString("manifest", goods.ManifestJson);
                break;
            case WithdrawalStatement withdrawal:
                WriteOptional(json, "reason", withdrawal.Reason);
                json.WriteBoolean("withdrawn", withdrawal.IsWithdrawn);
                break;
            case DeprecationStatement deprecation:
                json.WriteBoolean("deprecated", deprecation.IsDeprecated);
                WriteOptional(json, "instead", deprecation.Instead?.ToString());
                WriteOptional(json, "reason", deprecation.Reason);
                break;
            case OfferStatement offer:
                WriteTexts(json, "addresses", offer.Addresses);
                json.WriteString("expiresAt", SignedJson.Text(offer.ExpiresAt));
                json.WriteNumber("memoryBytes", offer.MemoryBytes);
                if (offer.Models.Count > 0)
                    WriteTexts(json, "models", offer.Models.Select(model => model.ToString()));
                json.WriteNumber("priceFactorPermille", offer.PriceFactor);
                WriteTexts(json, "programs", offer.Programs.Select(program => program.ToString()));
                WriteOptional(json, "region", offer.Region);
                if (offer.Runs.Count > 0)
                    WriteRuns(json, offer.Runs);
                if (offer.Sells.Count > 0)
                    WriteSold(json, offer.Sells);
                json.WriteNumber("workers", offer.Workers);
                break;
            case ReviewStatement review:
                WriteReview(json, review);
                break;
            case TransferStatement transfer:
                WriteOptional(json, "from", transfer.From?.ToString());
                WriteOptional(json, "to", transfer.To?.ToString());
                break;
            case SplitStatement split:
                json.WriteNumber("creatorPercent", split.CreatorPercent);
                json.WriteNumber("nodePercent", split.NodePercent);
                json.WriteNumber("platformPercent", split.PlatformPercent);
                break;
            case SummaryStatement summary:
                WriteSummary(json, summary);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(content), content, "A kind that is known is expected.");
        }

        json.WriteEndObject();
    }

    /// <summary>Reads the body and the members that name the agent.</summary>
    /// <returns>Of no use when there are errors.</returns>
    public static StatementContent? Read(StatementKind kind, JsonFields root, Hlc hlc)
    {
        var body = root.Object("body");
        StatementContent? content = kind switch
        {
            StatementKind.Profile => ReadProfile(body),
            StatementKind.Listing => ReadListing(root, body),
            StatementKind.Withdrawal => ReadWithdrawal(root, body),
            StatementKind.Deprecation => ReadDeprecation(root, body),
            StatementKind.Offer => ReadOffer(body, hlc),
            StatementKind.Review => ReadReview(body),
            StatementKind.Transfer => ReadTransfer(root, body),
            StatementKind.Split => ReadSplit(body),
            StatementKind.Summary => ReadSummary(body, hlc),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "A kind that is known is expected."),
        };
        body.RefuseUnknown();
        return content;
    }

    private static ProfileStatement ReadProfile(JsonFields body) => new(
        Optional(body, "displayName", IsDisplayName, $"1 to {MaxDisplayNameLength} characters in one line"),
        Optional(body, "handle", IsHandleClaim, $"a DNS name or a handle in lower case, of at most {MaxHandleLength} characters"));

    private static ListingStatement? ReadListing(JsonFields root, JsonFields body)
    {
        var (name, version) = (ReadName(root), ReadVersion(root));
        ListingStatement? listed = body.Has("kind") ? ReadGoods(body) : ReadAgent(body);
        if (listed is null)
            return null;
        if (listed.Name != name)
            root.Refuse("name", "the name in the manifest");
        if (listed.Version.ToString() != version?.ToString())
            root.Refuse("version", "the version in the manifest");
        return listed;
    }

    private static GoodsStatement? ReadGoods(JsonFields body)
    {
        var kind = body.OneOf<ListingKind>("kind");
        var json = body.Text("manifest", text => text.Length > 0, "the text of the manifest");
        if (!GoodsReader.Read(Encoding.UTF8.GetBytes(json)).TryGet(out var manifest, out var refusal))
        {
            RefuseManifest(body, refusal.Errors);
            return null;
        }

        if (manifest.Kind != kind)
            body.Refuse("kind", "the kind in the manifest");
        return new GoodsStatement(manifest, json);
    }

    private static AgentListing? ReadAgent(JsonFields body)
    {
        var json = body.Text("manifest", text => text.Length > 0, "the text of agent.json");
        var artifact = body.Parsed<ContentHash>("artifactDigest", "a digest such as sha256:…");
        var program = body.Parsed<ContentHash>("programDigest", "a digest such as sha256:…");
        var bytes = body.Number("programBytes", 1, MaxProgramBytes);
        if (!ManifestReader.Read(Encoding.UTF8.GetBytes(json)).TryGet(out var manifest, out var refusal))
        {
            RefuseManifest(body, refusal.Errors);
            return null;
        }

        return new AgentListing(manifest, json, artifact, program, bytes);
    }

    private static void RefuseManifest(JsonFields body, IReadOnlyList<FieldError> errors) =>
        body.Errors.AddRange(errors.Select(error => new FieldError("/body/manifest", $"{error.Reason} (at \"{error.Pointer}\" of the manifest)")));

    private static WithdrawalStatement ReadWithdrawal(JsonFields root, JsonFields body) => new(ReadName(root), ReadVersion(root)!, ReadFlag(body, "withdrawn"), ReadReason(body));

    private static DeprecationStatement ReadDeprecation(JsonFields root, JsonFields body) => new(
        ReadName(root),
        root.Has("version") ? ReadVersion(root) : null,
        ReadFlag(body, "deprecated"),
        body.Has("instead") ? body.Parsed<KeyedListing>("instead", "an agent by its publisher's key, such as Qm…/resize@2.0.0") : null,
        ReadReason(body));

    private static OfferStatement ReadOffer(JsonFields body, Hlc hlc)
    {
        var offer = new OfferStatement(
            body.Texts("addresses", 0, MaxAddresses, IsAddress, $"a multiaddress of at most {MaxAddressLength} characters"),
            Optional(body, "region", Names.IsRegion, "a region such as eu-central"),
            body.Number("workers", 0, 1_000_000),
            body.Number("memoryBytes", 0, 1L << 50),
            ReadDigests(body, "programs", 0, MaxPrograms),
            (int)body.Number("priceFactorPermille", 0, MaxPriceFactor),
            body.Instant("expiresAt"))
        {
            Models = body.Has("models") ? ReadDigests(body, "models", 1, MaxModels) : [],
            Sells = body.Has("sells") ? body.Objects("sells", MaxSoldModels, ReadSold, least: 1) : [],
            Runs = body.Has("runs") ? body.Objects("runs", MaxPostedRuns, ReadRun, least: 1) : [],
        };
        var lifeMs = offer.ExpiresAt.ToUnixTimeMilliseconds() - hlc.UnixTimeMs;
        if (lifeMs < 0 || lifeMs > MaxOfferLife.TotalMilliseconds)
            body.Refuse("expiresAt", $"no earlier than the timestamp, and at most {MaxOfferLife.TotalHours} hours after it");
        body.RefuseRepeated("programs", offer.Programs.Select(program => program.ToString()));
        body.RefuseRepeated("models", offer.Models.Select(model => model.ToString()));
        body.RefuseRepeated("runs", offer.Runs.Select(run => run.Program.ToString()));
        body.RefuseRepeated("sells", offer.Sells.Select(sold => sold.Model?.ToString() ?? ""));
        return offer;
    }

    private static void WriteSold(Utf8JsonWriter json, IReadOnlyList<OfferedModel> sells)
    {
        json.WriteStartArray("sells");
        foreach (var sold in sells)
        {
            json.WriteStartObject();
            if (sold.ContextLength is { } length)
                json.WriteNumber("contextLength", length);
            json.WriteString("inputPrice", sold.InputPrice.ToString());
            json.WriteString("model", sold.Model.ToString());
            json.WriteString("outputPrice", sold.OutputPrice.ToString());
            if (sold.TokensPerSecond is { } speed)
                json.WriteNumber("tokensPerSecond", speed);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static OfferedModel ReadSold(JsonFields sold)
    {
        var model = sold.Parsed<KeyedListing>("model", "a model by its publisher's key, with its version, such as Qm…/tiny@1.0.0");
        if (model is { Version: null })
            sold.Refuse("model", "with the version that is sold");
        var read = new OfferedModel(
            model!,
            ReadPrice(sold, "inputPrice"),
            ReadPrice(sold, "outputPrice"),
            sold.Has("contextLength") ? sold.Number("contextLength", 1, MaxContextLength) : null,
            sold.Has("tokensPerSecond") ? sold.Number("tokensPerSecond", 1, MaxTokensPerSecond) : null);
        sold.RefuseUnknown();
        return read;
    }

    private static void WriteRuns(Utf8JsonWriter json, IReadOnlyList<PostedRun> runs)
    {
        json.WriteStartArray("runs");
        foreach (var (program, price) in runs)
        {
            json.WriteStartObject();
            json.WriteString("base", price.Base.ToString());
            json.WriteString("perGigabyteSecond", price.PerGigabyteSecond.ToString());
            json.WriteString("perGigafuel", price.PerGigafuel.ToString());
            json.WriteString("perMegabyte", price.PerMegabyte.ToString());
            json.WriteString("program", program.ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static PostedRun ReadRun(JsonFields run)
    {
        var read = new PostedRun(
            run.Parsed<ContentHash>("program", "a digest such as sha256:…"),
            new AgentPrice(ReadPrice(run, "base"), ReadPrice(run, "perMegabyte"), ReadPrice(run, "perGigafuel"), ReadPrice(run, "perGigabyteSecond")));
        run.RefuseUnknown();
        return read;
    }

    /// <summary>A price as it is always written: two texts of one price would be two statements.</summary>
    private static Money ReadPrice(JsonFields sold, string name)
    {
        var price = Money.Zero;
        sold.Text(name, text => Money.TryParse(text, out price) && price >= Money.Zero && price.ToString() == text, "an amount in US dollars with nine decimals, such as 0.500000000");
        return price;
    }

    private static IReadOnlyList<ContentHash> ReadDigests(JsonFields body, string member, int min, int max) =>
        [.. body.Texts(member, min, max, text => ContentHash.TryParse(text, out _), "a digest such as sha256:…").Select(text => ContentHash.Parse(text))];

    private static void WriteReview(Utf8JsonWriter json, ReviewStatement review)
    {
        json.WriteString("agent", review.Of.ToString());
        if (review.Verdict is not { } verdict)
            return;
        json.WriteStartObject("proof");
        json.WriteBase64String("node", verdict.Proof.Node.ToSpki());
        json.WriteString("receipt", verdict.Proof.Receipt.ToString());
        json.WriteBase64String("signature", verdict.Proof.Signature);
        json.WriteEndObject();
        json.WriteNumber("stars", verdict.Stars);
        WriteOptional(json, "text", verdict.Text);
    }

    private static ReviewStatement? ReadReview(JsonFields body)
    {
        var agent = body.Parsed<KeyedListing>("agent", "an agent by its publisher's key, such as Qm…/resize@2.0.0");
        if (!body.Has("stars") && !body.Has("proof"))
        {
            // One thing is said in one way: what is taken back is so for all versions.
            if (agent?.Version is not null)
                body.Refuse("agent", "without a version where a review is taken back");
            return new ReviewStatement(agent!, Verdict: null);
        }

        if (agent is { Version: null })
            body.Refuse("agent", "with the version that did the task");
        var stars = (int)body.Number("stars", MinStars, MaxStars);
        var text = Optional(body, "text", ReviewVerdict.IsText, $"1 to {MaxReviewLength} characters, none of them a control character but ends of lines and tabs");
        var proof = body.Object("proof");
        var read = new ReceiptProof(
            StatementJson.ReadKey(proof, "node")!,
            proof.Parsed<ContentHash>("receipt", "a digest such as sha256:…"),
            ReadSignature(proof));
        proof.RefuseUnknown();
        return new ReviewStatement(agent!, new ReviewVerdict(stars, text, read));
    }

    private static TransferStatement ReadTransfer(JsonFields root, JsonFields body)
    {
        return new TransferStatement(ReadName(root), ReadListing("to"), ReadListing("from"));

        KeyedListing? ReadListing(string name)
        {
            if (!body.Has(name))
                return null;
            var listing = body.Parsed<KeyedListing>(name, "a listing by its publisher's key, such as Qm…/resize");
            if (listing?.Version is not null)
                body.Refuse(name, "without a version");
            return listing;
        }
    }

    private static SplitStatement? ReadSplit(JsonFields body)
    {
        var (creator, node, platform) = ((int)body.Number("creatorPercent", 0, 100), (int)body.Number("nodePercent", 0, 100), (int)body.Number("platformPercent", 0, 100));
        if (creator + node + platform == 100)
            return new SplitStatement(creator, node, platform);
        body.Refuse("creatorPercent", "100 together with nodePercent and platformPercent");
        return null;
    }

    private static void WriteSummary(Utf8JsonWriter json, SummaryStatement summary)
    {
        json.WriteStartArray("agents");
        foreach (var agent in summary.Agents)
        {
            json.WriteStartObject();
            json.WriteString("agent", agent.Agent.ToString());
            json.WriteNumber("receipts", agent.Receipts);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("from", SignedJson.Text(summary.From));
        json.WriteString("to", SignedJson.Text(summary.To));
    }

    private static SummaryStatement ReadSummary(JsonFields body, Hlc hlc)
    {
        var summary = new SummaryStatement(body.Instant("from"), body.Instant("to"), body.Objects("agents", MaxSummedAgents, ReadReceipts));
        if (summary.From >= summary.To || summary.To - summary.From > MaxSummedTime)
            body.Refuse("from", $"before \"to\", and by no more than {MaxSummedTime.TotalDays} days");
        if (summary.To.ToUnixTimeMilliseconds() > hlc.UnixTimeMs)
            body.Refuse("to", "no later than the timestamp");
        var names = summary.Agents.Select(agent => agent.Agent?.ToString() ?? "").ToList();
        if (names.Zip(names.Skip(1)).Any(pair => string.CompareOrdinal(pair.First, pair.Second) >= 0))
            body.Refuse("agents", "in the order of the agents' names, each once");
        return summary;
    }

    private static AgentReceipts ReadReceipts(JsonFields fields)
    {
        var agent = fields.Parsed<KeyedListing>("agent", "an agent by its publisher's key, such as Qm…/resize");
        if (agent?.Version is not null)
            fields.Refuse("agent", "without a version");
        return new AgentReceipts(agent!, fields.Number("receipts", 1, CanonicalJson.MaxInteger));
    }

    private static byte[] ReadSignature(JsonFields proof)
    {
        byte[] signature = [];
        proof.Text("signature", IsSignature, $"base64 of a signature in DER, of at most {ReceiptProof.MaxSignatureBytes} bytes");
        return signature;

        bool IsSignature(string text)
        {
            var bytes = new byte[ReceiptProof.MaxSignatureBytes];
            if (text.Length > 2 * bytes.Length || !Convert.TryFromBase64String(text, bytes, out var length) || length == 0 || Convert.ToBase64String(bytes.AsSpan(0, length)) != text)
                return false;
            signature = bytes[..length];
            return true;
        }
    }

    private static string ReadName(JsonFields root) => root.Text("name", Names.IsAgentName, "2 to 64 characters of a-z 0-9 -, starting with a letter");

    private static SemanticVersion? ReadVersion(JsonFields root) => root.Parsed<SemanticVersion>("version", "a semantic version such as 1.0.0");

    private static string? ReadReason(JsonFields body) => Optional(body, "reason", StatedReason.IsSigned, StatedReason.MustBe);

    private static bool ReadFlag(JsonFields body, string name) => body.Flag(name);

    private static string? Optional(JsonFields fields, string name, Func<string, bool> rule, string mustBe) => fields.Has(name) ? fields.Text(name, rule, mustBe) : null;

    private static bool IsDisplayName(string text) => text.Length is > 0 and <= MaxDisplayNameLength && !text.Any(char.IsControl) && !string.IsNullOrWhiteSpace(text);

    private static bool IsHandleClaim(string text) => text.Length <= MaxHandleLength && text.Split('.').All(label =>
        label.Length is > 0 and <= 63 && label.All(character => char.IsAsciiLetterLower(character) || char.IsAsciiDigit(character) || character == '-')
        && label[0] != '-' && label[^1] != '-');

    private static bool IsAddress(string text) => text.Length is > 1 and <= MaxAddressLength && text[0] == '/' && text.All(character => character is > ' ' and < '\x7f');

    private static void WriteOptional(Utf8JsonWriter json, string name, string? text)
    {
        if (text is not null)
            json.WriteString(name, text);
    }

    private static void WriteTexts(Utf8JsonWriter json, string name, IEnumerable<string> texts)
    {
        json.WriteStartArray(name);
        foreach (var text in texts)
            json.WriteStringValue(text);
        json.WriteEndArray();
    }
}
