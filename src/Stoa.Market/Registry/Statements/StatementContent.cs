using System.Text;
using Stoa.Market.Registry.Goods;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Statements;

/// <summary>What a statement says, and of what. Each kind is a record of its own.</summary>
public abstract record StatementContent
{
    private protected StatementContent()
    {
    }

    /// <summary>Its kind.</summary>
    public abstract StatementKind Kind { get; }

    /// <summary>The version of the schema that it is written by.</summary>
    internal virtual int Schema => 1;

    /// <summary>Name of the signer's listing that it is about; null when it is about none of these.</summary>
    public virtual string? Name => null;

    /// <summary>The version of that listing; null when it is about all of them.</summary>
    public virtual SemanticVersion? Version => null;

    /// <summary>What it merges under, beside kind and signer: the signer's own listing, or what of somebody else's it is about.</summary>
    public virtual string? Subject => Name;
}

/// <summary>Who a publisher says to be. Both members may be missing: then a publisher takes back what was said before.</summary>
/// <param name="DisplayName">For people, 1 to <see cref="StatementLimits.MaxDisplayNameLength"/> characters in one line. Two publishers may have the same.</param>
/// <param name="Handle">A name that the publisher claims, such as a DNS name. It is shown as unverified, unless whoever shows it has checked it.</param>
public sealed record ProfileStatement(string? DisplayName, string? Handle) : StatementContent
{
    /// <inheritdoc/>
    public override StatementKind Kind => StatementKind.Profile;
}

/// <summary>A version of something that is listed, which never changes: of an agent, or of goods.</summary>
/// <param name="ManifestJson">The text of the manifest as it was published.</param>
public abstract record ListingStatement(string ManifestJson) : StatementContent
{
    /// <summary>The first bytes of a payload that <see cref="KindOf"/> needs.</summary>
    public const int KindBytes = 32;

    /// <summary>Schema 1 knows agents alone, without category and license.</summary>
    protected const int SecondSchema = 2;

    /// <summary>Schema 2 knows no agents that need models.</summary>
    protected const int ThirdSchema = 3;

    /// <summary>Schema 3 knows no agents that ask models.</summary>
    protected const int FourthSchema = 4;

    /// <summary>Schema 4 knows no agents that have taken what they call by a range.</summary>
    protected const int FifthSchema = 5;

    /// <inheritdoc/>
    public sealed override StatementKind Kind => StatementKind.Listing;

    /// <summary>What the payload of a listing lists, by its beginning alone: members are in order, so the body is first, and of what is no agent its kind is first in that.</summary>
    /// <param name="payload">Of a listing that was checked; <see cref="KindBytes"/> of it will do.</param>
    public static ListingKind KindOf(ReadOnlySpan<byte> payload)
    {
        var beginning = "{\"body\":{\"kind\":\""u8;
        if (!payload.StartsWith(beginning))
            return ListingKind.Agent;
        var word = payload[beginning.Length..];
        return EnumWord.TryParse<ListingKind>(Encoding.ASCII.GetString(word[..Math.Max(0, word.IndexOf((byte)'"'))]), out var kind)
            ? kind
            : throw new ArgumentException("The beginning of a listing that was checked is expected.", nameof(payload));
    }

    /// <summary>What is listed.</summary>
    public abstract ListingKind Listed { get; }

    /// <summary>Its name.</summary>
    public abstract override string Name { get; }

    /// <summary>Its version.</summary>
    public abstract override SemanticVersion Version { get; }

    /// <summary>What its publisher says of it, for people.</summary>
    public abstract string Description { get; }

    /// <summary>Of the bytes that it consists of, such as an agent's program; null where it has none of its own.</summary>
    public abstract ContentHash? ContentDigest { get; }

    /// <summary>SHA-256 of the manifest's text: whatever its kind, a version with the same one is the same.</summary>
    public ContentHash ManifestDigest => ContentHash.Of(Encoding.UTF8.GetBytes(ManifestJson));
}

/// <summary>A version of an agent, which never changes.</summary>
/// <param name="Manifest">Read from the text.</param>
/// <param name="ManifestJson">The text of agent.json as it was published: its SHA-256 is the config's digest in the artifact.</param>
/// <param name="ArtifactDigest">Of the OCI image manifest.</param>
/// <param name="ProgramDigest">Of the WebAssembly program.</param>
/// <param name="ProgramBytes">Size of the program.</param>
public sealed record AgentListing(
    AgentManifest Manifest, string ManifestJson, ContentHash ArtifactDigest, ContentHash ProgramDigest, long ProgramBytes) : ListingStatement(ManifestJson)
{
    /// <inheritdoc/>
    public override ListingKind Listed => ListingKind.Agent;

    /// <inheritdoc/>
    public override string Name => Manifest.Name;

    /// <inheritdoc/>
    public override SemanticVersion Version => Manifest.Version;

    /// <inheritdoc/>
    public override string Description => Manifest.Description;

    /// <inheritdoc/>
    public override ContentHash? ContentDigest => ProgramDigest;

    internal override int Schema => Manifest switch
    {
        _ when Manifest.Uses.Any(use => use.Range is not null) => FifthSchema,
        { Asks.Count: > 0 } => FourthSchema,
        { Models.Count: > 0 } => ThirdSchema,
        { Category: null, License: null } => base.Schema,
        _ => SecondSchema,
    };
}

/// <summary>A version of a model, a template, a bundle or a dataset, which never changes.</summary>
/// <param name="Manifest">Read from the text.</param>
/// <param name="ManifestJson">The text of the manifest as it was published.</param>
public sealed record GoodsStatement(GoodsManifest Manifest, string ManifestJson) : ListingStatement(ManifestJson)
{
    /// <inheritdoc/>
    public override ListingKind Listed => Manifest.Kind;

    /// <inheritdoc/>
    public override string Name => Manifest.Name;

    /// <inheritdoc/>
    public override SemanticVersion Version => Manifest.Version;

    /// <inheritdoc/>
    public override string Description => Manifest.Description;

    /// <inheritdoc/>
    public override ContentHash? ContentDigest => Manifest.Details.Content?.Digest;

    internal override int Schema => SecondSchema;
}

/// <summary>That a version is withdrawn: nobody should begin to use it. Or that it is so no more.</summary>
/// <param name="Name">Of the listing.</param>
/// <param name="Version">The version.</param>
/// <param name="IsWithdrawn">False takes an earlier withdrawal back.</param>
/// <param name="Reason">For people; null for none.</param>
public sealed record WithdrawalStatement(string Name, SemanticVersion Version, bool IsWithdrawn, string? Reason) : StatementContent
{
    /// <inheritdoc/>
    public override StatementKind Kind => StatementKind.Withdrawal;

    /// <inheritdoc/>
    public override string Name { get; } = Name;

    /// <inheritdoc/>
    public override SemanticVersion Version { get; } = Version;
}

/// <summary>That a listing, or one version, still works but has a better successor. Or that it is so no more.</summary>
/// <param name="Name">Of the listing.</param>
/// <param name="Version">The version; null for all, also those to come.</param>
/// <param name="IsDeprecated">False takes an earlier deprecation back.</param>
/// <param name="Instead">What to use; null when nothing is named.</param>
/// <param name="Reason">For people; null for none.</param>
public sealed record DeprecationStatement(string Name, SemanticVersion? Version, bool IsDeprecated, KeyedListing? Instead, string? Reason) : StatementContent
{
    /// <inheritdoc/>
    public override StatementKind Kind => StatementKind.Deprecation;

    /// <inheritdoc/>
    public override string Name { get; } = Name;

    /// <inheritdoc/>
    public override SemanticVersion? Version { get; } = Version;
}

/// <summary>What the node that signs it offers until it expires. The next one takes its place.</summary>
/// <param name="Addresses">Multiaddresses where it is reached.</param>
/// <param name="Region">Where it stands; null when it does not say.</param>
/// <param name="Workers">How many tasks it runs at once.</param>
/// <param name="MemoryBytes">Memory for tasks.</param>
/// <param name="Programs">Digests of the programs of agents that it has at hand.</param>
/// <param name="PriceFactor">Reserved for a factor on posted rates, in parts per thousand: <see cref="PostedRates"/>. What runs cost is in <see cref="Runs"/>.</param>
/// <param name="ExpiresAt">UTC, to the millisecond; at most <see cref="StatementLimits.MaxOfferLife"/> after the statement's timestamp.</param>
public sealed record OfferStatement(
    IReadOnlyList<string> Addresses,
    string? Region,
    long Workers,
    long MemoryBytes,
    IReadOnlyList<ContentHash> Programs,
    int PriceFactor,
    DateTimeOffset ExpiresAt) : StatementContent
{
    /// <summary>The factor of a node that takes posted rates as they are, as all do.</summary>
    public const int PostedRates = 1_000;

    /// <summary>Digests of the files of models that it has at hand.</summary>
    public IReadOnlyList<ContentHash> Models { get; init; } = [];

    /// <summary>Models whose answers it sells, each once.</summary>
    public IReadOnlyList<OfferedModel> Sells { get; init; } = [];

    /// <summary>What runs of programs cost there, each program once.</summary>
    public IReadOnlyList<PostedRun> Runs { get; init; } = [];

    /// <summary>All that it has at hand.</summary>
    public IEnumerable<ContentHash> Contents => Programs.Concat(Models);

    /// <inheritdoc/>
    public override StatementKind Kind => StatementKind.Offer;

    /// <summary>What the runs of a program cost there; null when it does not say.</summary>
    public AgentPrice? PriceOf(ContentHash program) => Runs.FirstOrDefault(run => run.Program == program)?.Price;

    /// <summary>Schema 1 knows no models, 2 none whose answers are sold, and 3 no prices of runs.</summary>
    internal override int Schema => Runs.Count > 0 ? 4 : Sells.Count > 0 ? 3 : Models.Count > 0 ? 2 : base.Schema;
}

/// <summary>What runs of a program cost at a node, as it says of itself: at a factor of one, which a quote may be above.</summary>
/// <param name="Program">Digest of the program.</param>
/// <param name="Price">The rates, of normal priority and without demand.</param>
public sealed record PostedRun(ContentHash Program, AgentPrice Price);

/// <summary>A model whose answers a node sells, as it says of itself.</summary>
/// <param name="Model">The version, by its publisher's key.</param>
/// <param name="InputPrice">All that a million tokens cost that it reads.</param>
/// <param name="OutputPrice">And a million that it writes.</param>
/// <param name="ContextLength">The most tokens that it sees at once there; null when it is not said.</param>
/// <param name="TokensPerSecond">How fast one answer is written there, as it was measured, to two digits; null when it was not.</param>
public sealed record OfferedModel(KeyedListing Model, Money InputPrice, Money OutputPrice, long? ContextLength, long? TokensPerSecond)
{
    /// <summary>A speed as it is said: to two digits, and at least one token.</summary>
    public static long Rounded(double tokensPerSecond)
    {
        var speed = Math.Clamp(tokensPerSecond, 1, StatementLimits.MaxTokensPerSecond);
        var unit = Math.Pow(10, Math.Max(0, Math.Floor(Math.Log10(speed)) - 1));
        return (long)(Math.Round(speed / unit) * unit);
    }
}
