using System.Security.Cryptography;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Registry.Discovery;

/// <summary>Agents and searches to test with.</summary>
internal static class ListingSamples
{
    private static readonly string[] s_words = ["image", "imagine", "resize", "resizer", "text", "tex", "summary", "sum", "fast", "faster", "audio", "a", "pdf", "translate"];
    private static readonly string[] s_capabilities = ["image.resize", "image.crop", "text.summary", "audio.text", "pdf.text"];
    private static readonly string[] s_tags = ["Pictures", "pictures", "open source", "Fast", "a"];
    private static readonly string[] s_categories = ["tool-box", "images"];
    private static readonly string[] s_licenses = ["MIT", "MIT OR Apache-2.0", "(GPL-2.0-only WITH Classpath-exception-2.0 AND mit)"];
    private static readonly string[] s_licensesAsked = ["mit", "Apache-2.0", "gpl-2.0-ONLY", "Classpath-exception-2.0"];
    private static readonly string[] s_frameworks = ["gguf", "onnx"];
    private static readonly string[] s_quantisations = ["Q4_K_M", "q8_0"];
    private static readonly string[] s_regions = ["eu-central", "us-east", "nowhere"];
    private static readonly string[] s_media = ["text/plain", "image/png", "application/json"];

    private static readonly PeerId[] s_publishers =
        [.. Enumerable.Range(0, 6).Select(number => PeerId.FromEncodedPublicKey(SHA256.HashData([(byte)number]).Concat(new byte[20]).ToArray()))];

    public static PeerId Publisher(int number) => s_publishers[number];

    public static ListingKey Key(Random random) => new(Pick(random, s_publishers), $"{Pick(random, ["image", "text", "sum", "pdf"])}-{Pick(random, ["tool", "resizer", "x1"])}{random.Next(12)}");

    public static ListingDocument Document(ListingKey key, Random random) => random.Next(3) switch
    {
        0 => Agent(key, random),
        1 => Agent(key, random) with { Category = Maybe(random, s_categories), License = Maybe(random, s_licenses), Content = Content(random.Next(4)) },
        _ => Agent(key, random) with
        {
            Kind = Pick(random, [ListingKind.Model, ListingKind.Dataset, ListingKind.Bundle]),
            Input = null,
            Output = null,
            Price = random.Next(2) == 0 ? null : new Money(random.Next(5) * 1_000_000L),
            Category = Maybe(random, s_categories),
            License = Maybe(random, s_licenses),
            Framework = Maybe(random, s_frameworks),
            Architecture = Maybe(random, s_words),
            Quantisation = Maybe(random, s_quantisations),
            ContextLength = random.Next(4) * 1_024,
            Content = random.Next(2) == 0 ? null : Content(random.Next(4)),
        },
    };

    /// <summary>One of a few contents.</summary>
    public static ContentHash Content(int number) => ContentHash.Of([(byte)number]);

    /// <summary>Offers of a few contents in a few regions.</summary>
    public static List<(string Region, ContentHash Content)> Offers(Random random) =>
        [.. Enumerable.Range(0, random.Next(0, 6)).Select(_ => (s_regions[random.Next(2)], Content(random.Next(4)))).Distinct()];

    private static ListingDocument Agent(ListingKey key, Random random) => new(
        key,
        string.Join(' ', Enumerable.Range(0, random.Next(1, 9)).Select(_ => Pick(random, s_words))),
        [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Pick(random, s_capabilities)).Distinct()],
        [.. Enumerable.Range(0, random.Next(0, 4)).Select(_ => Pick(random, s_tags))],
        Pick(random, s_media),
        Pick(random, s_media),
        new Money(random.Next(5) * 1_000_000L),
        random.Next(1, 6) * 1_000,
        1_764_000_000_000 + random.Next(20),
        Standing(random));

    public static ListingStanding Standing(Random random) => random.Next(3) == 0
        ? default
        : random.Next(1, 6) is var reviews ? new ListingStanding(random.Next(4), reviews, random.Next(reviews, (5 * reviews) + 1)) : default;

    public static ListingSearch Search(Random random) => new()
    {
        Text = random.Next(3) switch
        {
            0 => null,
            1 => Word(random),
            _ => $"{Word(random)} {Word(random)}{(random.Next(4) == 0 ? " " : "")}",
        },
        Capabilities = random.Next(3) == 0 ? [Pick(random, s_capabilities)] : [],
        Tags = random.Next(4) == 0 ? [Pick(random, s_tags)] : [],
        Publisher = random.Next(6) == 0 ? Pick(random, s_publishers) : null,
        Input = random.Next(5) == 0 ? Pick(random, s_media) : null,
        Output = random.Next(6) == 0 ? Pick(random, s_media) : null,
        MinPrice = random.Next(6) == 0 ? new Money(random.Next(5) * 1_000_000L) : null,
        MaxPrice = random.Next(6) == 0 ? new Money(random.Next(5) * 1_000_000L) : null,
        MaxProgramBytes = random.Next(6) == 0 ? random.Next(1, 6) * 1_000 : null,
        MinRatingHundredths = random.Next(6) == 0 ? random.Next(100, 500) : null,
        Kind = random.Next(6) == 0 ? Pick(random, Enum.GetValues<ListingKind>()) : null,
        Category = random.Next(8) == 0 ? Pick(random, s_categories) : null,
        License = random.Next(8) == 0 ? Pick(random, s_licensesAsked) : null,
        Region = random.Next(8) == 0 ? Pick(random, s_regions) : null,
        Framework = random.Next(10) == 0 ? Pick(random, s_frameworks) : null,
        Quantisation = random.Next(10) == 0 ? Pick(random, s_quantisations).ToUpperInvariant() : null,
        MinContextLength = random.Next(10) == 0 ? random.Next(4_000) : null,
        Sort = Pick(random, Enum.GetValues<ListingSort>()),
        Facets = random.Next(2) == 0 ? [.. Enum.GetValues<ListingFacet>()] : [],
    };

    private static string Word(Random random) => Pick(random, s_words) is var word && random.Next(3) == 0 ? word[..Math.Max(1, word.Length - 2)] : word;

    private static string? Maybe(Random random, string[] among) => random.Next(2) == 0 ? null : Pick(random, among);

    private static T Pick<T>(Random random, T[] among) => among[random.Next(among.Length)];
}
