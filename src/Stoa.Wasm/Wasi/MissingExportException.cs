namespace Stoa.Wasm.Wasi;

/// <summary>A module does not export the function that it is to be run by.</summary>
public sealed class MissingExportException : Exception
{
    /// <summary>Makes the exception.</summary>
    public MissingExportException(string name)
        : base($"The module exports no function '{name}' that can be called so.")
    {
        Name = name;
    }

    /// <summary>The function that was looked for.</summary>
    public string Name { get; }
}
