using System.Text;

namespace Stoa.Wasm.Fuzz;

/// <summary>A file that says which seed is being run, for when the process dies with it.</summary>
internal sealed class LastSeed : IDisposable
{
    private readonly FileStream _file;

    public LastSeed(string folder)
    {
        Directory.CreateDirectory(folder);
        Path = System.IO.Path.Combine(folder, "last-seed.txt");
        _file = new FileStream(Path, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
    }

    public string Path { get; }

    public void Write(string mode, ulong seed)
    {
        _file.Position = 0;
        _file.Write(Encoding.ASCII.GetBytes($"{mode} {seed,20}\n"));
    }

    public void Dispose() => _file.Dispose();
}
