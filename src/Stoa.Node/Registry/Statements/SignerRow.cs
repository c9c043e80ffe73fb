using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Statements;

/// <summary>A row of <c>statement_signers</c>.</summary>
internal sealed record SignerRow(PeerId Signer, SignerStanding Standing, long Statements, long Bytes, long Day, long Today)
{
    public const string Columns = "signer, standing, statements, bytes, day, today";

    public const string Upsert =
        """
        INSERT INTO statement_signers (signer, standing, statements, bytes, day, today) VALUES (@Signer, @Standing, @Statements, @Bytes, @Day, @Today)
        ON CONFLICT (signer) DO UPDATE SET standing = @Standing, statements = @Statements, bytes = @Bytes, day = @Day, today = @Today
        """;

    public static SignerRow Of(PeerId signer, SignerUsage usage) => new(signer, usage.Standing, usage.Statements, usage.Bytes, usage.Day, usage.Today);

    public SignerUsage ToUsage() => new(Standing, Statements, Bytes, Day, Today);
}
