using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Market.Registry.Replication;

/// <summary>A statement as it goes from node to node, not checked yet.</summary>
/// <param name="payload">What is signed.</param>
/// <param name="signature">In DER.</param>
public sealed class SignedStatement(byte[] payload, byte[] signature)
{
    private ContentHash _id;

    /// <summary>What is signed. It is not to be changed.</summary>
    public byte[] Payload => payload;

    /// <summary>The signature in DER. It is not to be changed.</summary>
    public byte[] Signature => signature;

    /// <summary>The hash of the payload.</summary>
    public ContentHash Id => _id.IsEmpty ? _id = ContentHash.Of(Payload) : _id;

    /// <summary>How it is named in a reconciliation.</summary>
    public UInt128 Item => SetItem.Of(Id);

    /// <summary>A statement that was checked.</summary>
    public static SignedStatement Of(Statement statement)
    {
        ArgumentNullException.ThrowIfNull(statement);
        return new SignedStatement(statement.Payload, statement.Signature);
    }

    /// <summary>Checks form, members and signature.</summary>
    public Outcome<Statement, StatementFault> Open() => Statement.Open(new DsseEnvelope(Statement.PayloadType, Payload, [new DsseSignature("", Signature)]));
}
