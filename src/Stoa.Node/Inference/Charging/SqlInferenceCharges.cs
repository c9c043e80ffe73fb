using Stoa.Market.Identity;
using Stoa.Market.Inference;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Market.Tasks;
using Stoa.Node.Ledger;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Inference.Charging;

/// <summary>What was counted of requests to models that were paid, inside a session: written with the entries of the journal that pay for it.</summary>
internal static class SqlInferenceCharges
{
    private const string Columns =
        "id, user_id, key_id, publisher_id, model, node, requests, input_tokens, output_tokens, listing_price, serving_price, supplied_price, creator, node_share, platform, from_at, to_at";

    private const int ReadAtOnce = 5_000;

    public static Task AddAsync(SqlSession session, InferenceCharge charge, Id<Allowance> allowance) => session.SendAsync(
        $"""
        INSERT INTO inference_charges ({Columns}, allowance_id)
        VALUES (@Id, @UserId, @KeyId, @PublisherId, @Model, @Node, @Requests, @InputTokens, @OutputTokens, @ListingPrice, @ServingPrice, @SuppliedPrice, @creator, @nodeShare, @platform, @From, @To, @allowance)
        """,
        new
        {
            charge.Id,
            charge.UserId,
            charge.KeyId,
            charge.PublisherId,
            charge.Model,
            charge.Node,
            charge.Requests,
            charge.InputTokens,
            charge.OutputTokens,
            charge.ListingPrice,
            charge.ServingPrice,
            charge.SuppliedPrice,
            creator = charge.Shares.Creator,
            nodeShare = charge.Shares.Node,
            platform = charge.Shares.Platform,
            charge.From,
            charge.To,
            allowance,
        });

    /// <summary>Those of some causes of entries, by the cause.</summary>
    public static async Task<IReadOnlyDictionary<string, InferenceCharge>> ReadAsync(SqlSession session, IReadOnlyList<string> causes)
    {
        var charges = new Dictionary<string, InferenceCharge>(causes.Count, StringComparer.Ordinal);
        foreach (var part in causes.Where(InferenceCharge.IsCause).Distinct().Chunk(ReadAtOnce))
        {
            foreach (var row in await session.QueryAsync<ChargeRow>($"SELECT {Columns} FROM inference_charges WHERE id IN @part", new { part }))
                charges.Add(row.Id.ToString(), row.ToCharge());
        }

        return charges;
    }

    /// <summary>What was paid of an allowance in all.</summary>
    public static Task<Money> SumAsync(SqlSession session, Id<Allowance> allowance) => session.QuerySingleAsync<Money>(
        "SELECT CAST(COALESCE(SUM(listing_price + serving_price + supplied_price), 0) AS BIGINT) FROM inference_charges WHERE allowance_id = @allowance", new { allowance });

    /// <summary>Charges that no entry of the journal pays for, in words: their captures are named after them.</summary>
    public static async Task<IReadOnlyList<string>> FindUnpaidAsync(SqlSession session)
    {
        var findings = new List<string>();
        for (var after = default(Id<InferenceCharge>); ;)
        {
            var page = await session.QueryAsync<Id<InferenceCharge>>("SELECT id FROM inference_charges WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit = ReadAtOnce });
            var there = (await SqlJournal.FindPlacesAsync(session, [.. page.Select(id => InferenceTransfers.CaptureOf(id).Uuid)])).Select(place => place.Id).ToHashSet();
            findings.AddRange(page.Where(id => !there.Contains(InferenceTransfers.CaptureOf(id).Uuid)).Select(id => $"{id} says what was paid, and no entry of the journal has paid it."));
            if (page.Count < ReadAtOnce)
                return findings;
            after = page[^1];
        }
    }

    private sealed record ChargeRow(
        Id<InferenceCharge> Id, Id<User> UserId, Id<ApiKey>? KeyId, Id<User>? PublisherId, ListingName Model, string Node, long Requests, long InputTokens, long OutputTokens,
        Money ListingPrice, Money ServingPrice, Money SuppliedPrice, Money Creator, Money NodeShare, Money Platform, DateTimeOffset FromAt, DateTimeOffset ToAt)
    {
        public InferenceCharge ToCharge() => new(
            Id, UserId, KeyId, PublisherId, Model, Node, Requests, InputTokens, OutputTokens, ListingPrice, ServingPrice, SuppliedPrice, new Shares(Creator, NodeShare, Platform), FromAt, ToAt);
    }
}
