namespace Stoa.Wasm.Wasi;

/// <summary>The guest ended itself by <c>proc_exit</c>. It unwinds the guest; <see cref="WasiContext.RunCommand"/> turns it into the exit code.</summary>
public sealed class ProcessExitException : Exception
{
    /// <summary>Makes the exception.</summary>
    public ProcessExitException(uint exitCode)
        : base($"The guest exited with code {exitCode}.")
    {
        ExitCode = exitCode;
    }

    /// <summary>The code that the guest gave; 0 means success.</summary>
    public uint ExitCode { get; }
}
