using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Stoa.Bench.Wasm;
using Stoa.Market;
using Stoa.Market.Registry;
using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Discovery.Semantic;
using Stoa.Primitives;

namespace Stoa.Bench;

/// <summary>Searching a million listings that are made up, on one core: words, beginnings, filters, orders, counts and pages, mixed; and beside a writer.</summary>
internal static class SearchBench
{
    private const int Listings = 1_000_000;
    private const int Publishers = 50_000;
    private const int AtOnce = 500;
    private const int Searches = 2_000;
    private const int WarmUps = 200;
    private const int Words = 60_000;
    private const int ChangesPerSecond = 50;
    private const int Dimensions = 384;
    private const int Topics = 5_000;

    private static readonly string[] s_syllables =
        ["ba", "be", "bo", "ca", "co", "da", "de", "di", "fa", "fi", "ga", "go", "ha", "he", "in", "ka", "ko", "la", "le", "li", "ma", "me", "mi", "na", "ne", "no", "on", "pa", "pe", "ra", "re", "ri", "sa", "se", "si", "ta", "te", "ti", "to", "un", "va", "ve", "vi", "wa"];

    private static readonly string[] s_licenses = ["Apache-2.0", "MIT", "CC-BY-4.0", "MIT OR Apache-2.0", "GPL-3.0-only", "BSD-3-Clause", "LicenseRef-proprietary"];
    private static readonly string[] s_frameworks = ["gguf", "safetensors", "onnx", "pytorch"];
    private static readonly string[] s_quantisations = ["Q4_K_M", "Q8_0", "Q5_K_M", "F16", "Q4_0", "awq-int4"];
    private static readonly string[] s_media = ["text/plain", "application/json", "image/png", "image/jpeg", "audio/wav", "text/csv", "application/pdf", "text/markdown"];

    public static async Task<Figures> RunAsync(Action<string> tell, CancellationToken cancellationToken)
    {
        var figures = new Figures();
        var random = new Random(7);
        var index = new ListingIndex();
        tell($"{Listings:N0} listings, {AtOnce} at once");
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        var cpu = ThreadTime.NowMs;
        for (var number = 0; number < Listings; number += AtOnce)
        {
            cancellationToken.ThrowIfCancellationRequested();
            index.Change([.. Enumerable.Range(number, AtOnce).Select(one => Listing(one, random))], []);
        }

        figures.Add("search_1m_build_cpu_s", (ThreadTime.NowMs - cpu) / 1e3);
        var (offered, offering) = (Offers(random), ThreadTime.NowMs);
        index.SetRegions(offered);
        figures.Add("search_1m_regions_cpu_ms", ThreadTime.NowMs - offering);
        figures.Add("search_1m_bytes_a_listing", (double)(GC.GetTotalMemory(forceFullCollection: true) - memory) / Listings);

        tell("searches of all kinds, one after the other");
        var mixed = Measure(index, random, Mixed, cancellationToken);
        mixed.AddTo(figures, "search_1m", 50, 99);
        foreach (var (name, search) in ((string, Func<Random, ListingSearch>)[])
        [
            ("one_word", random => new ListingSearch { Text = Word(random) + " " }),
            ("two_words", random => new ListingSearch { Text = $"{Word(random)} {Word(random)} " }),
            ("beginning", random => new ListingSearch { Text = Word(random)[..2] }),
            ("most_frequent_word", _ => new ListingSearch { Text = "agent " }),
            ("filters", random => Filtered(random)),
            ("kind", random => new ListingSearch { Kind = (ListingKind)random.Next(5), Sort = ListingSort.Newest }),
            ("models", random => new ListingSearch { Kind = ListingKind.Model, License = "apache-2.0", Quantisation = "q4_k_m", MinContextLength = 8_192, Sort = ListingSort.Price }),
            ("region", random => new ListingSearch { Region = Region(random), Sort = ListingSort.Rating }),
            ("everything_by_rating", _ => new ListingSearch { Sort = ListingSort.Rating }),
            ("everything_counted", _ => new ListingSearch { Sort = ListingSort.Newest, Facets = Enum.GetValues<ListingFacet>() }),
        ])
        {
            Measure(index, random, search, cancellationToken, Searches / 4).AddTo(figures, $"search_1m_{name}", 99);
        }

        tell("what is like a listing");
        MeasureSimilar(index, random, cancellationToken).AddTo(figures, "search_1m_similar", 50, 99);

        tell($"by meaning: {Listings:N0} vectors of {Dimensions} numbers");
        await MeasureMeaningAsync(index, random, figures, cancellationToken);

        tell($"beside {ChangesPerSecond} changes a second");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var changes = Task.Run(() => Change(index, stop.Token), CancellationToken.None);
        Measure(index, random, Mixed, cancellationToken).AddTo(figures, "search_1m_changed", 99);
        await stop.CancelAsync();
        figures.Add("search_1m_change_ms_mean", await changes);
        figures.Notes.Add($"{Listings:N0} listings of {Publishers:N0} publishers, 8 to 20 words of {Words:N0} that are as frequent as words are, 1 to 3 of 2,000 capabilities, up to 4 of 5,000 tags, most with one of 60 categories and one of 7 licences; seven in ten are agents; 1,000 nodes in 52 regions offer 300 each");
        figures.Notes.Add("cpu is the time of the processor alone, which others on the machine do not lengthen");
        return figures;
    }

    /// <summary>Puts listings anew, each with a new text and alone, so many a second.</summary>
    /// <returns>How long each took in the mean, in milliseconds.</returns>
    private static double Change(ListingIndex index, CancellationToken stop)
    {
        var random = new Random(3);
        var (begin, done, tookMs) = (Stopwatch.GetTimestamp(), 0, 0.0);
        for (; !stop.IsCancellationRequested; Thread.Sleep(1))
        {
            for (; done < Clock.Since(begin) / 1e3 * ChangesPerSecond; done++)
            {
                var listing = Listing(random.Next(Listings), random);
                var start = Stopwatch.GetTimestamp();
                index.Change([listing], []);
                tookMs += Clock.Since(start);
            }
        }

        return tookMs / Math.Max(1, done);
    }

    private static Times Measure(ListingIndex index, Random random, Func<Random, ListingSearch> next, CancellationToken cancellationToken, int searches = Searches)
    {
        var (wallMs, cpuMs) = (new List<double>(searches), new List<double>(searches));
        for (var turn = -WarmUps; turn < searches; turn++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var search = next(random);
            // Every eighth goes on with the page behind, which is another search of its own.
            var cursor = turn % 8 == 0 ? index.Search(search, new PageRequest(20), cancellationToken)!.NextCursor : null;
            var (cpu, start) = (ThreadTime.NowMs, Stopwatch.GetTimestamp());
            var page = index.Search(search, new PageRequest(20, cursor), cancellationToken) ?? throw new BenchmarkException("A cursor was refused.");
            var wall = Clock.Since(start);
            if (page.Hits.Count == 0 && page.Total > 20)
                throw new BenchmarkException("Nothing came of what was found.");
            if (turn < 0)
                continue;
            wallMs.Add(wall);
            cpuMs.Add(ThreadTime.NowMs - cpu);
        }

        return new Times(wallMs, cpuMs);
    }

    /// <summary>What a blended search does, but for asking the model: the words, the vectors, the blend. The vectors are made up: each is near one of some thousand topics.</summary>
    private static async Task MeasureMeaningAsync(ListingIndex index, Random random, Figures figures, CancellationToken cancellationToken)
    {
        var memory = GC.GetTotalMemory(forceFullCollection: true);
        using var vectors = new VectorIndex();
        var topics = Enumerable.Range(0, Topics).Select(_ => Numbers(random)).ToArray();
        var (names, keys) = (new Random(7), new List<ListingKey>(Listings));
        string? cursor = null;
        // The keys of the index, in portions.
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = index.Search(new ListingSearch { Sort = ListingSort.Newest }, new PageRequest(Listings / 4, cursor), cancellationToken)!;
            keys.AddRange(page.Hits.Select(hit => hit.Key));
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        foreach (var part in keys.Chunk(AtOnce))
            vectors.Put([.. part.Select(key => (key, Near(topics[names.Next(Topics)], random)))]);
        figures.Add("search_1m_vector_bytes_a_listing", (double)(GC.GetTotalMemory(forceFullCollection: true) - memory) / Listings);

        var blended = new BlendedIndex(index, vectors);
        var (nearestMs, blendedMs) = (new List<double>(), new List<double>());
        for (var turn = -20; turn < Searches / 4; turn++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (query, search) = (Near(topics[random.Next(Topics)], random), Mixed(random) with { Sort = ListingSort.Relevance });
            search = search with { Text = search.Text ?? Word(random) };
            var start = Stopwatch.GetTimestamp();
            var nearest = vectors.FindNearest(query, candidates: 2_000, limit: 100);
            var nearestAt = Clock.Since(start);
            start = Stopwatch.GetTimestamp();
            var page = await blended.SearchAsync(search, query, place: 0, limit: 20, cancellationToken);
            var blendedAt = Clock.Since(start);
            if (nearest.Count < 100 || (page.Total > 0 && page.Hits.Count == 0))
                throw new BenchmarkException("Nothing came of a blended search.");
            if (turn < 0)
                continue;
            nearestMs.Add(nearestAt);
            blendedMs.Add(blendedAt);
        }

        figures.AddPercentiles("search_1m_nearest_ms", nearestMs, 50, 99);
        figures.AddPercentiles("search_1m_blended_ms", blendedMs, 50, 99);

        var (hits, turns) = (0, 0);
        for (; turns < 20; turns++)
        {
            var query = Near(topics[random.Next(Topics)], random);
            hits += vectors.FindNearest(query, candidates: 2_000, limit: 100).Intersect(vectors.FindNearest(query, keys, static key => key, limit: 100)).Count();
        }

        figures.Add("search_1m_nearest_found_share", hits / (100.0 * turns));

        var (alike, alikeCpuMs) = (new Random(9), new List<double>());
        for (var turn = -20; turn < Searches / 4; turn++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (query, search) = (Near(topics[alike.Next(Topics)], alike), Filtered(alike));
            var cpu = ThreadTime.NowMs;
            blended.FindAlike(search, query, cancellationToken);
            if (turn >= 0)
                alikeCpuMs.Add(ThreadTime.NowMs - cpu);
        }

        figures.AddPercentiles("search_1m_filtered_alike_cpu_ms", alikeCpuMs, 50, 99);

        // With filters: of those that fit and are most like it by comparing with each. What filters leave few of is compared with each anyhow.
        var (found, wanted) = (0, 0);
        for (var turn = 0; turn < 20; turn++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (query, search) = (Near(topics[random.Next(Topics)], random), Filtered(random));
            List<ListingKey> best = [.. index.KeepFitting(search, vectors.FindNearest(query, keys, static key => key, Listings), limit: 100).Select(hit => hit.Key)];
            found += blended.FindAlike(search, query, cancellationToken).Select(hit => hit.Key).Intersect(best).Count();
            wanted += best.Count;
        }

        figures.Add("search_1m_filtered_found_share", found / (double)wanted);
    }

    private static float[] Numbers(Random random) => [.. Enumerable.Range(0, Dimensions).Select(_ => (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5))];

    private static sbyte[] Near(float[] topic, Random random)
    {
        var near = new float[Dimensions];
        for (var index = 0; index < near.Length; index++)
            near[index] = topic[index] + (float)(random.NextDouble() - 0.5);
        return EmbeddingVector.Pack(near)!;
    }

    private static Times MeasureSimilar(ListingIndex index, Random random, CancellationToken cancellationToken)
    {
        var (wallMs, cpuMs) = (new List<double>(), new List<double>());
        for (var turn = 0; turn < Searches / 4; turn++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var of = Listing(random.Next(Listings), random);
            var (cpu, start) = (ThreadTime.NowMs, Stopwatch.GetTimestamp());
            if (index.FindSimilar(of, 10, cancellationToken).Count == 0)
                throw new BenchmarkException("Nothing is like a listing that shares words with many.");
            wallMs.Add(Clock.Since(start));
            cpuMs.Add(ThreadTime.NowMs - cpu);
        }

        return new Times(wallMs, cpuMs);
    }

    /// <summary>One or two words, the last one often not written to its end; often with filters, in any order, every other time with counts.</summary>
    private static ListingSearch Mixed(Random random)
    {
        var search = random.Next(3) == 0 ? Filtered(random) : new ListingSearch();
        return search with
        {
            Text = random.Next(10) switch
            {
                0 => null,
                < 4 => Word(random) + " ",
                < 6 => $"{Word(random)} {Word(random)} ",
                < 8 => Cut(Word(random), random),
                _ => $"{Word(random)} {Cut(Word(random), random)}",
            },
            Sort = (ListingSort)random.Next(5),
            Facets = random.Next(2) == 0 ? Enum.GetValues<ListingFacet>() : [],
        };
    }

    private static ListingSearch Filtered(Random random) => new()
    {
        Capabilities = random.Next(2) == 0 ? [Capability(random)] : [],
        Tags = random.Next(3) == 0 ? [Tag(random)] : [],
        Input = random.Next(3) == 0 ? s_media[Skewed(random, s_media.Length)] : null,
        MaxPrice = random.Next(3) == 0 ? new Money(random.Next(100_000_000)) : null,
        MinRatingHundredths = random.Next(4) == 0 ? 400 : null,
        Kind = random.Next(4) == 0 ? (ListingKind)random.Next(5) : null,
        License = random.Next(6) == 0 ? "mit" : null,
        Category = random.Next(6) == 0 ? Category(random) : null,
        Region = random.Next(8) == 0 ? Region(random) : null,
        Sort = ListingSort.Price,
    };

    private static ListingDocument Listing(int number, Random random)
    {
        var listing = Agent(number, random) with
        {
            Category = random.Next(4) == 0 ? null : Category(random),
            License = random.Next(5) == 0 ? null : s_licenses[Skewed(random, s_licenses.Length)],
            Content = Content(number),
        };
        // Three in ten are no agents, half of them models.
        return (number % 20) switch
        {
            < 14 => listing,
            < 17 => listing with
            {
                Kind = ListingKind.Model,
                Input = null,
                Output = null,
                Framework = s_frameworks[Skewed(random, s_frameworks.Length)],
                Architecture = WordOf(Words - 100 - Skewed(random, 40)),
                Quantisation = s_quantisations[Skewed(random, s_quantisations.Length)],
                ContextLength = 1_024 << random.Next(8),
            },
            17 => listing with { Kind = ListingKind.Dataset, Input = null, Output = null, Capabilities = [], Price = null },
            18 => listing with { Kind = ListingKind.Template, Input = null, Output = null, Capabilities = [], Price = null },
            _ => listing with { Kind = ListingKind.Bundle, Input = null, Output = null, Capabilities = [], Price = null, Content = null },
        };
    }

    /// <summary>A thousand nodes in thirty regions, each with 300 contents.</summary>
    private static List<RegionOffer> Offers(Random random) =>
        [.. Enumerable.Range(0, 1_000).Select(_ => new RegionOffer(Region(random), IsKnown: false, [.. Enumerable.Range(0, 300).Select(_ => ListingRegions.KeyOf(Content(random.Next(Listings))))]))];

    private static ContentHash Content(int number)
    {
        Span<byte> written = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(written, number);
        return ContentHash.Of(written);
    }

    private static string Region(Random random) => $"region-{(char)('a' + Skewed(random, 26))}{random.Next(2)}";

    // Words that are rare elsewhere: with frequent ones the texts would be others than those that earlier figures are of.
    private static string Category(Random random) => WordOf(Words - 1 - Skewed(random, 60));

    private static ListingDocument Agent(int number, Random random) => new(
        new ListingKey(Publisher(number % Publishers), $"{Word(random)}-{number}"),
        // One word is nearly everywhere.
        "agent " + string.Join(' ', Enumerable.Range(0, random.Next(8, 21)).Select(_ => Word(random))),
        [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => Capability(random)).Distinct()],
        [.. Enumerable.Range(0, random.Next(0, 5)).Select(_ => Tag(random)).Distinct()],
        s_media[Skewed(random, s_media.Length)],
        s_media[Skewed(random, s_media.Length)],
        new Money(random.Next(100_000_000)),
        random.Next(10_000, 10_000_000),
        1_764_000_000_000 + random.NextInt64(10_000_000_000),
        random.Next(4) == 0 && random.Next(1, 200) is var reviews ? new ListingStanding(random.Next(10_000), reviews, random.Next(reviews, (5 * reviews) + 1)) : default);

    private static PeerId Publisher(int number)
    {
        Span<byte> multihash = stackalloc byte[34];
        (multihash[0], multihash[1]) = (0x12, 32);
        Span<byte> written = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(written, number);
        SHA256.HashData(written, multihash[2..]);
        return PeerId.FromBytes(multihash);
    }

    private static string Capability(Random random) => Skewed(random, 2_000) is var number ? $"{WordOf(number % 40)}.{WordOf(number)}" : "";

    private static string Tag(Random random) => WordOf(100 + Skewed(random, 5_000));

    private static string Word(Random random) => WordOf(Skewed(random, Words));

    private static string Cut(string word, Random random) => word[..Math.Min(word.Length, random.Next(2, 6))];

    private static string WordOf(int number) =>
        s_syllables[(number * 7) % s_syllables.Length] + s_syllables[(number / s_syllables.Length * 5) % s_syllables.Length] + s_syllables[number / (s_syllables.Length * s_syllables.Length) % s_syllables.Length] + s_syllables[(number * 3) % s_syllables.Length];

    /// <summary>Zipf's law, near enough: each number about half as often as the one of half its size.</summary>
    private static int Skewed(Random random, int count) => (int)(Math.Pow(count, random.NextDouble()) - 1);

    private sealed record Times(IReadOnlyList<double> WallMs, IReadOnlyList<double> CpuMs)
    {
        public void AddTo(Figures figures, string name, params int[] percentiles)
        {
            figures.AddPercentiles($"{name}_ms", WallMs, percentiles);
            figures.AddPercentiles($"{name}_cpu_ms", CpuMs, percentiles);
        }
    }
}
