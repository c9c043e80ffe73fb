using System.Buffers.Binary;

namespace Stoa.Llama.Engine;

/// <summary>Whether a file is GGUF at all, which is told better before libraries are loaded for it.</summary>
public static class GgufFile
{
    private const uint Magic = 0x4655_4747;
    private const int HeaderBytes = 24;

    /// <exception cref="LlamaException">There is no such file, or it is none of GGUF.</exception>
    public static void Check(string file)
    {
        if (Fault(file) is { } fault)
            throw new LlamaException(fault);
    }

    /// <summary>Why a file is no GGUF file; null when it begins like one.</summary>
    public static string? Fault(string file)
    {
        ArgumentNullException.ThrowIfNull(file);
        Span<byte> header = stackalloc byte[HeaderBytes];
        int read;
        try
        {
            using var stream = File.OpenRead(file);
            read = stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            return $"{file} cannot be read: {failure.Message} Name a GGUF file, such as one that Hugging Face has by that ending.";
        }

        if (header[..read].StartsWith("\0asm"u8))
            return $"{file} is no GGUF file but a WebAssembly program: a node runs it in its sandbox, by stoa up --model.";
        if (read < HeaderBytes || BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic)
            return $"{file} is no GGUF file: it does not begin with GGUF. Models of other formats are made into one by llama.cpp's convert_hf_to_gguf.py.";
        var version = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        return version is 2 or 3 ? null : $"{file} is of GGUF version {version}; 2 and 3 are known. Convert it anew with llama.cpp.";
    }
}
