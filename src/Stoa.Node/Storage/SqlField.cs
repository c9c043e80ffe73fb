using System.Diagnostics.CodeAnalysis;

namespace Stoa.Node.Storage;

/// <summary>One column of the rows of a <see cref="SqlRows{T}"/>, and how a row gives its value. Exactly one of the getters is set.</summary>
[SuppressMessage("Design", "CA1000", Justification = "The row's type is what the getters are about; it cannot be inferred from them.")]
public sealed class SqlField<T>
{
    private SqlField(string name) => Name = name;

    /// <summary>The column.</summary>
    public string Name { get; }

    internal Func<T, string?>? Text { get; private init; }

    internal Func<T, long?>? Integer { get; private init; }

    internal Func<T, bool>? Flag { get; private init; }

    internal Func<T, byte[]?>? Bytes { get; private init; }

    /// <summary>A column of text: ids and hashes are text too.</summary>
    public static SqlField<T> OfText(string name, Func<T, string?> get) => new(name) { Text = get };

    /// <summary>A column of integers: also instants in Unix milliseconds, and money in nanodollars.</summary>
    public static SqlField<T> OfInteger(string name, Func<T, long?> get) => new(name) { Integer = get };

    /// <summary>A boolean column.</summary>
    public static SqlField<T> OfFlag(string name, Func<T, bool> get) => new(name) { Flag = get };

    /// <summary>A column of bytes.</summary>
    public static SqlField<T> OfBytes(string name, Func<T, byte[]?> get) => new(name) { Bytes = get };
}
