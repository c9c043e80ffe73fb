namespace Stoa.Wasm.Tests.Wasi.Files;

/// <summary>A directory of the host that a test may fill, gone when the test is over.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string FullPath { get; } = Directory.CreateTempSubdirectory("stoa-wasi-").FullName;

    public void Dispose() => Directory.Delete(FullPath, recursive: true);
}
