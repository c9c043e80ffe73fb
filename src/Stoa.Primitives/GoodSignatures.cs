namespace Stoa.Primitives;

/// <summary>Remembers signatures that were found good: the same one comes again with each repetition, and by each way there is.</summary>
/// <remarks>
/// A repetition costs a hash, a signature some fifty times that. A name is of the key, of what was signed and of the signature's own bytes, so what is asked for has been checked here, bit for
/// bit; what was found bad is checked again each time. It has an end: whatever comes later takes the place of what was at its place. Safe for use by many threads.
/// </remarks>
internal static class GoodSignatures
{
    private const int Places = 8_192;

    private static readonly Name?[] s_places = new Name?[Places];

    /// <summary>Whether one was found good not long ago.</summary>
    public static bool Has(ContentHash name) => Volatile.Read(ref Place(name))?.Hash == name;

    /// <summary>Notes one that was found good.</summary>
    public static void Add(ContentHash name) => Volatile.Write(ref Place(name), new Name(name));

    private static ref Name? Place(ContentHash name) => ref s_places[(uint)name.GetHashCode() % Places];

    // A reference is read and written as a whole, a hash is not.
    private sealed record Name(ContentHash Hash);
}
