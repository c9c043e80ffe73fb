using System.Runtime.InteropServices;

namespace Stoa.Llama.Native;

/// <summary>What llama.cpp writes about its work: warnings and errors are kept, the newest of them, for whoever has to say why something came to nothing.</summary>
internal static unsafe class NativeLog
{
    private const int Warning = 3;
    private const int Error = 4;
    private const int Continued = 5;
    private const int LinesKept = 32;
    private const int CharactersTold = 400;

    private static readonly Lock s_lock = new();
    private static readonly Queue<string> s_lines = [];
    private static bool s_isKept;

    /// <summary>Hears what the library says from now on.</summary>
    public static void Listen(delegate* unmanaged<delegate* unmanaged<int, byte*, nint, void>, nint, void> set) => set(&Hear, 0);

    /// <summary>Forgets what was said before.</summary>
    public static void Clear()
    {
        lock (s_lock)
            s_lines.Clear();
    }

    /// <summary>What was said last, on one line and cut short; empty when it was nothing.</summary>
    public static string Said
    {
        get
        {
            lock (s_lock)
            {
                var all = string.Join(' ', string.Concat(s_lines).Split((char[])['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
                return all.Length <= CharactersTold ? all : all[..CharactersTold] + "…";
            }
        }
    }

    [UnmanagedCallersOnly]
    private static void Hear(int level, byte* text, nint data)
    {
        // Nothing may leave here: the caller is C.
        try
        {
            lock (s_lock)
            {
                s_isKept = level is Warning or Error || (level is Continued && s_isKept);
                if (!s_isKept)
                    return;
                s_lines.Enqueue(Marshal.PtrToStringUTF8((nint)text) ?? "");
                while (s_lines.Count > LinesKept)
                    s_lines.Dequeue();
            }
        }
        catch (OutOfMemoryException)
        {
        }
    }
}
