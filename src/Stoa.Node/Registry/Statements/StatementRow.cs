using Stoa.Market.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>What is read back of a row of <c>statements</c>.</summary>
internal sealed record StatementRow(long Sequence, byte[] Payload, byte[] Signature)
{
    public const string Columns = "sequence, payload, signature";

    public Statement ToStatement() => Statement.FromKept(Payload, Signature);
}

/// <summary>A row that is to be written.</summary>
internal sealed record NewStatementRow(Statement Statement, DateTimeOffset ArrivedAt)
{
    public static readonly SqlRows<NewStatementRow> Insert = SqlRows<NewStatementRow>.Insert(
        "statements",
        [
            SqlField<NewStatementRow>.OfText("id", row => row.Statement.Id),
            SqlField<NewStatementRow>.OfText("merge_key", row => row.Statement.Key),
            SqlField<NewStatementRow>.OfText("kind", row => row.Statement.Key.Kind.Word()),
            SqlField<NewStatementRow>.OfText("signer", row => row.Statement.SignerId),
            SqlField<NewStatementRow>.OfText("agent", row => row.Statement.Key.Agent),
            SqlField<NewStatementRow>.OfText("version", row => row.Statement.Key.Version),
            SqlField<NewStatementRow>.OfInteger("hlc", row => row.Statement.Hlc.Packed),
            SqlField<NewStatementRow>.OfText("said", row => row.Statement.Item.Said),
            SqlField<NewStatementRow>.OfFlag("holds", row => Holds(row.Statement.Content)),
            SqlField<NewStatementRow>.OfBytes("payload", row => row.Statement.Payload),
            SqlField<NewStatementRow>.OfBytes("signature", row => row.Statement.Signature),
            SqlField<NewStatementRow>.OfInteger("size_bytes", row => row.Statement.Payload.Length),
            SqlField<NewStatementRow>.OfInteger("arrived_at", row => row.ArrivedAt.ToUnixTimeMilliseconds()),
        ]);

    public static readonly SqlRows<ContentHash> Delete = SqlRows<ContentHash>.Delete("statements", "t.id = {id}", [SqlField<ContentHash>.OfText("id", id => id)]);

    private static bool Holds(StatementContent content) => content switch
    {
        WithdrawalStatement withdrawal => withdrawal.IsWithdrawn,
        DeprecationStatement deprecation => deprecation.IsDeprecated,
        ReviewStatement review => review.Verdict is not null,
        TransferStatement transfer => transfer.To is not null || transfer.From is not null,
        _ => true,
    };
}
