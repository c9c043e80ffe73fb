using Stoa.Market.Identity;
using Stoa.Primitives;
using Stoa.Primitives.Sealing;

namespace Stoa.Market.Tasks;

/// <summary>The key of this node that inputs are sealed to, if it has one: checks what is submitted, and opens what is run.</summary>
/// <param name="key">Null where inputs cannot be sealed.</param>
public sealed class TaskSealing(SealingKey? key)
{
    /// <summary>The half that consumers seal to; null where they cannot.</summary>
    public SealingPublicKey? PublicKey => key?.PublicKey;

    /// <summary>That inputs cannot be sealed to this node.</summary>
    public static Refusal<TaskRefusal> Off => new(
        TaskRefusal.SealingOff,
        "Inputs cannot be sealed to this node: on PostgreSQL its operator has to give Identity:CellKey, since a key that the database keeps would protect nothing from who sees the database.");

    /// <summary>Whether an input that is sealed to a key can be opened here.</summary>
    public bool Knows(SealingKeyId id) => key?.PublicKey.Id == id;

    /// <summary>Checks what a sealed input begins with.</summary>
    /// <param name="head">Its first <see cref="SealedHeader.SizeBytes"/> bytes, or all of it.</param>
    /// <returns>The key that it is sealed to, which is this node's; or <see cref="TaskRefusal.SealingOff"/>, <see cref="TaskRefusal.SealInvalid"/> or
    /// <see cref="TaskRefusal.SealingKeyUnknown"/>.</returns>
    public Outcome<SealingKeyId, TaskRefusal> Check(ReadOnlySpan<byte> head)
    {
        if (key is null)
            return Off;
        try
        {
            var id = SealedHeader.Read(head).KeyId;
            return Knows(id)
                ? id
                : new Refusal<TaskRefusal>(
                    TaskRefusal.SealingKeyUnknown,
                    $"The input is sealed to the key {id}; this node has {key.PublicKey.Id}. Seal the input anew with GET /api/v1/sealing-key.");
        }
        catch (SealBrokenException broken)
        {
            return new Refusal<TaskRefusal>(TaskRefusal.SealInvalid, $"The input is not sealed as docs/sealing.md says: {broken.Message}");
        }
    }

    /// <summary>What consumer and node share of the input of a task.</summary>
    /// <param name="header">Of the input.</param>
    /// <param name="owner">Whose task it is: the seal is bound to that.</param>
    /// <exception cref="SealBrokenException">It is sealed to another key.</exception>
    public SealedExchange Open(SealedHeader header, Id<User> owner) => key is null
        ? throw new SealBrokenException("This node has no key that inputs are sealed to.")
        : key.Open(header, owner.ToString());
}
