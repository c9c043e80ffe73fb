using Stoa.Market.Registry.Discovery;
using Stoa.Market.Registry.Discovery.Semantic;
using Stoa.Node.Background;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Discovery.Semantic;

/// <summary>Has the embedding model read all listings, in the background and no faster than the options say, and keeps the vectors in memory. What it has read once is in the database, for a later start and for other nodes of the cell.</summary>
/// <remarks>It follows the order of changes as <see cref="ListingFeed"/> does, and stays behind where the model is slow or away; then it goes on there.</remarks>
/// <param name="database">The cell's.</param>
/// <param name="vectors">Gets them.</param>
/// <param name="model">The model.</param>
/// <param name="options">How much it is asked.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Told of failures.</param>
public sealed class ListingEmbeddings(Database database, VectorIndex vectors, EmbeddingModel model, EmbeddingsOptions options, TimeProvider time, ILogger<ListingEmbeddings> logger) : BackgroundService
{
    private const int AtOnce = 200;

    // Models read some hundred words at least. What a stranger writes behind that is read by none of them for sure.
    private const int TextLengthMax = 2_000;

    // Any model can read it: when this fails, too, it is the model.
    private const string Probe = "listing";
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private static readonly SqlRows<Embedded> s_delete = SqlRows<Embedded>.Delete(
        "listing_embeddings", "t.signer = {signer} AND t.agent = {agent}", [SqlField<Embedded>.OfText("signer", row => row.Key.Publisher), SqlField<Embedded>.OfText("agent", row => row.Key.Name)]);

    private static readonly SqlRows<Embedded> s_insert = SqlRows<Embedded>.Insert(
        "listing_embeddings",
        [
            SqlField<Embedded>.OfText("signer", row => row.Key.Publisher),
            SqlField<Embedded>.OfText("agent", row => row.Key.Name),
            SqlField<Embedded>.OfText("text_digest", row => row.Digest),
            SqlField<Embedded>.OfBytes("vector", row => row.Vector),
        ],
        skipsConflictsOf: "signer, agent");

    private readonly SqlListingChanges _changes = new(database);
    private long _reached;
    private (long Minute, int Texts) _sent;

    /// <summary>Reads on until nothing is left.</summary>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="EmbeddingsException">The model does not answer; what was done until then is done.</exception>
    internal async Task FollowAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var changes = await _changes.ReadAfterAsync(_reached, AtOnce, cancellationToken);
            if (changes.Count == 0)
                return;
            vectors.Remove([.. changes.Where(change => change.Document is null).Select(change => change.Key)]);
            await EmbedAsync([.. changes.Select(change => change.Document).OfType<ListingDocument>()], cancellationToken);
            _reached = changes[^1].Sequence;
        }
    }

    /// <summary>What the model reads of a listing.</summary>
    internal static string TextOf(ListingDocument document)
    {
        ArgumentNullException.ThrowIfNull(document);
        string?[] parts = [$"{document.Key.Name.Replace('-', ' ')}: {document.Description}", string.Join(", ", document.Capabilities), string.Join(", ", document.Tags), document.Category];
        var text = string.Join('\n', parts.Where(part => !string.IsNullOrEmpty(part)));
        return text.Length <= TextLengthMax ? text : text[..TextLengthMax];
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!model.IsOn)
            return;
        var failures = new FailureLog(logger, time);
        while (!stoppingToken.IsCancellationRequested)
        {
            var signal = database.GetSignal(SqlListingChanges.Topic);
            var before = signal.Value;
            if (await failures.TryAsync("have the embedding model read listings", FollowAsync, stoppingToken))
                await signal.WaitBeyondAsync(before, s_pause, time, stoppingToken);
            else
                await Task.Delay(s_retry, time, stoppingToken);
        }
    }

    private async Task EmbedAsync(List<ListingDocument> documents, CancellationToken cancellationToken)
    {
        var wanted = documents.Select(document => (document.Key, Text: TextOf(document))).Select(one => (one.Key, one.Text, Digest: model.DigestOf(one.Text))).ToList();
        var known = await ReadKnownAsync([.. wanted.Select(one => one.Key)], cancellationToken);
        var had = wanted.Where(one => known.TryGetValue(one.Key, out var kept) && kept.Digest == one.Digest).ToList();
        vectors.Put([.. had.Select(one => (one.Key, EmbeddingVector.FromBytes(known[one.Key].Vector)))]);
        var unread = wanted.Except(had).ToList();
        // What they were before their texts changed they are no more, also where there is no room for what they are now.
        vectors.Remove([.. unread.Select(one => one.Key)]);
        foreach (var part in unread.Chunk(EmbeddingModel.TextsMax))
        {
            if (vectors.Count >= options.MaxListings)
                return;
            var made = await AskAsync([.. part.Select(one => one.Text)], cancellationToken);
            var done = part.Zip(made, (one, vector) => (one.Key, one.Digest, Vector: vector)).Where(one => one.Vector is not null).ToList();
            List<Embedded> rows = [.. done.Select(one => new Embedded(one.Key, one.Digest, EmbeddingVector.ToBytes(one.Vector)))];
            if (vectors.Put([.. done.Select(one => (one.Key, one.Vector!))]) < done.Count)
                throw new EmbeddingsException("The embedding model gives vectors with different numbers of dimensions. Restart the node if it is another model now, under another name.");
            await database.WriteAsync(
                async session =>
                {
                    // Of what was withdrawn while the model was reading nothing is kept.
                    await SqlStatements.LockAsync(session);
                    await session.SendRowsAsync(s_delete, rows);
                    await session.SendRowsAsync(s_insert, rows);
                    return await session.ExecuteAsync(
                        """
                        DELETE FROM listing_embeddings WHERE signer IN @signers AND agent IN @agents
                        AND NOT EXISTS (SELECT 1 FROM network_listings AS l WHERE l.signer = listing_embeddings.signer AND l.agent = listing_embeddings.agent)
                        """,
                        new { signers = rows.Select(row => row.Key.Publisher).Distinct(), agents = rows.Select(row => row.Key.Name).Distinct() });
                },
                cancellationToken);
        }
    }

    /// <summary>Has texts read; null for one that the model refuses though it reads others: what a stranger has written keeps nobody else's from being read.</summary>
    private async Task<IReadOnlyList<sbyte[]?>> AskAsync(IReadOnlyList<string> texts, CancellationToken cancellationToken)
    {
        await TakeTurnAsync(texts.Count, cancellationToken);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(s_patience);
        try
        {
            return await model.EmbedAsync(texts, patience.Token);
        }
        catch (OperationCanceledException late) when (!cancellationToken.IsCancellationRequested)
        {
            throw new EmbeddingsException($"The embedding model did not answer within {s_patience.TotalSeconds} seconds.", late);
        }
        catch (EmbeddingsException refused) when (refused.IsAnswer)
        {
            if (texts.Count > 1)
                return [.. await AskAsync([.. texts.Take(texts.Count / 2)], cancellationToken), .. await AskAsync([.. texts.Skip(texts.Count / 2)], cancellationToken)];
            await model.EmbedAsync([Probe], patience.Token);
            logger.LogWarning("The embedding model does not read the text of a listing, which is found by its words alone: {Reason}", refused.Message);
            return [null];
        }
    }

    private Task<Dictionary<ListingKey, Embedded>> ReadKnownAsync(List<ListingKey> keys, CancellationToken cancellationToken) => database.ReadAsync(
        async session =>
        {
            var rows = await session.QueryAsync<(PeerId Signer, string Agent, ContentHash Digest, byte[] Vector)>(
                "SELECT signer, agent, text_digest, vector FROM listing_embeddings WHERE signer IN @signers AND agent IN @agents",
                new { signers = keys.Select(key => key.Publisher).Distinct(), agents = keys.Select(key => key.Name).Distinct() });
            return rows.ToDictionary(row => new ListingKey(row.Signer, row.Agent), row => new Embedded(new ListingKey(row.Signer, row.Agent), row.Digest, row.Vector));
        },
        cancellationToken);

    /// <summary>Waits until so many texts more may be sent.</summary>
    private async Task TakeTurnAsync(int texts, CancellationToken cancellationToken)
    {
        while (true)
        {
            var now = time.GetUtcNow();
            var minute = now.ToUnixTimeSeconds() / 60;
            if (_sent.Minute != minute)
                _sent = (minute, 0);
            // The first of a minute goes, however many it is.
            if (_sent.Texts == 0 || _sent.Texts + texts <= options.TextsPerMinute)
            {
                _sent.Texts += texts;
                return;
            }

            await Task.Delay(DateTimeOffset.FromUnixTimeSeconds((minute + 1) * 60) - now, time, cancellationToken);
        }
    }

    private sealed record Embedded(ListingKey Key, ContentHash Digest, byte[] Vector);
}
