using System.Runtime.InteropServices;
using System.Text;
using Stoa.Llama.Native;

namespace Stoa.Llama.Engine;

/// <summary>A model that is loaded from a GGUF file: its vocabulary, and what is known of it. It may be asked by many threads at once.</summary>
public sealed unsafe class LlamaModel : IDisposable
{
    /// <summary>The most characters of a text that is made into tokens.</summary>
    public const int MostCharacters = 16 << 20;

    private const int LongestPiece = 1 << 16;

    private readonly nint _vocabulary;
    private readonly byte[]?[] _pieces;
    private readonly nint _template;
    private readonly bool _ownsTemplate;

    private LlamaModel(LlamaLibrary library, ModelHandle handle, string? templateName)
    {
        (Library, Handle) = (library, handle);
        _vocabulary = library.ModelGetVocab(handle.Address);
        VocabularySize = library.VocabCount(_vocabulary);
        TrainedContext = library.ModelTrainedContext(handle.Address);
        EmbeddingLength = library.ModelEmbeddingLength(handle.Address);
        _pieces = new byte[]?[VocabularySize];
        _ownsTemplate = templateName is not null;
        _template = templateName is not null ? Marshal.StringToCoTaskMemUTF8(templateName) : (nint)library.ModelChatTemplate(handle.Address, null);
        Description = Describe();
    }

    /// <summary>How many tokens there are.</summary>
    public int VocabularySize { get; }

    /// <summary>The most tokens that it was made to see at once.</summary>
    public int TrainedContext { get; }

    /// <summary>How many numbers an embedding has.</summary>
    public int EmbeddingLength { get; }

    /// <summary>What llama.cpp says of it, such as <c>llama 1B Q4_0</c>.</summary>
    public string Description { get; }

    internal LlamaLibrary Library { get; }

    internal ModelHandle Handle { get; }

    internal nint Vocabulary => _vocabulary;

    /// <summary>Whether a sequence may be cut back to a beginning of it, which is how the beginnings of prompts are used again.</summary>
    internal bool KeepsPrefixes => Library.ModelIsRecurrent(Handle.Address) == 0 && Library.ModelIsHybrid(Handle.Address) == 0;

    /// <summary>Loads a file.</summary>
    /// <param name="libraryFolder">Where llama.cpp's libraries are.</param>
    /// <param name="file">GGUF.</param>
    /// <param name="chatTemplate">One of llama.cpp's names for how turns are written; null for the file's own way.</param>
    /// <exception cref="LlamaException">There are no libraries, or it is no model of a kind that is known.</exception>
    public static LlamaModel Load(string libraryFolder, string file, string? chatTemplate = null)
    {
        GgufFile.Check(file);
        var library = LlamaLibrary.Load(Path.GetFullPath(libraryFolder));
        NativeLog.Clear();
        var path = Marshal.StringToCoTaskMemUTF8(Path.GetFullPath(file));
        try
        {
            var handle = new ModelHandle(library, library.ModelLoadFromFile((byte*)path, library.ModelDefaultParams().Value));
            if (handle.IsInvalid)
            {
                handle.Dispose();
                throw new LlamaException($"llama.cpp {library.VersionText} cannot load {file}: {NativeLog.Said} It has to be a whole GGUF file of an architecture that this version knows.");
            }

            if (library.ModelHasEncoder(handle.Address) != 0 || library.ModelIsDiffusion(handle.Address) != 0)
            {
                handle.Dispose();
                throw new LlamaException($"{file} is a model with an encoder of its own, or one of diffusion; those that write token by token, or give embeddings, are served.");
            }

            var model = new LlamaModel(library, handle, chatTemplate);
            if (chatTemplate is not null && !model.KnowsTurns)
            {
                model.Dispose();
                throw new LlamaException($"llama.cpp {library.VersionText} has no chat template '{chatTemplate}'. Names are those of llama-server --chat-template, such as chatml or llama3.");
            }

            return model;
        }
        finally
        {
            Marshal.FreeCoTaskMem(path);
        }
    }

    /// <summary>Whether it is known how turns of a conversation are written.</summary>
    public bool KnowsTurns => _template != 0 && TryWriteTurns([("user", "?")], out _);

    /// <summary>Makes tokens of a text.</summary>
    /// <param name="text">At most <see cref="MostCharacters"/>.</param>
    /// <param name="addsSpecial">Whether the tokens are added that the model wants at the beginning or end of a text.</param>
    /// <param name="parsesSpecial">Whether what is written like a control token becomes one.</param>
    public int[] Tokenize(string text, bool addsSpecial, bool parsesSpecial)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(text.Length, MostCharacters);
        // What is no text, such as half a pair of surrogates, becomes a replacement character here and not something else there.
        var bytes = Encoding.UTF8.GetBytes(text);
        var tokens = new int[bytes.Length + 8];
        fixed (byte* first = bytes.Length == 0 ? "\0"u8 : bytes)
        {
            fixed (int* to = tokens)
            {
                var count = Library.Tokenize(_vocabulary, first, bytes.Length, to, tokens.Length, Byte(addsSpecial), Byte(parsesSpecial));
                if (count >= 0)
                    return tokens[..count];
                tokens = new int[-count];
            }

            fixed (int* to = tokens)
            {
                var count = Library.Tokenize(_vocabulary, first, bytes.Length, to, tokens.Length, Byte(addsSpecial), Byte(parsesSpecial));
                return count >= 0 ? tokens[..count] : throw new LlamaException("llama.cpp could not make tokens of a text.");
            }
        }
    }

    /// <summary>Whether there is such a token.</summary>
    public bool IsToken(int token) => token >= 0 && token < VocabularySize;

    /// <summary>Whether a token says that the answer is at its end.</summary>
    public bool IsEnd(int token) => Library.VocabIsEog(_vocabulary, token) != 0;

    /// <summary>The bytes that a token stands for: a part of UTF-8, not always whole characters; none for control tokens.</summary>
    public ReadOnlySpan<byte> PieceOf(int token)
    {
        ref var piece = ref _pieces[token];
        return Volatile.Read(ref piece) ?? (piece = ReadPiece(token));
    }

    /// <summary>Writes the turns of a conversation as the model wants them, with the beginning of its own turn behind them.</summary>
    /// <param name="turns">Roles, such as <c>user</c>, and what was said.</param>
    /// <param name="prompt">What to make tokens of.</param>
    /// <returns>False when it is not known how.</returns>
    public bool TryWriteTurns(IReadOnlyList<(string Role, string Content)> turns, out string prompt)
    {
        ArgumentNullException.ThrowIfNull(turns);
        prompt = "";
        if (_template == 0)
            return false;
        var messages = new NativeMessage[turns.Count];
        try
        {
            for (var at = 0; at < turns.Count; at++)
            {
                messages[at].Role = (byte*)Marshal.StringToCoTaskMemUTF8(turns[at].Role);
                messages[at].Content = (byte*)Marshal.StringToCoTaskMemUTF8(turns[at].Content);
            }

            fixed (NativeMessage* first = messages)
            {
                var room = 1_024;
                while (true)
                {
                    var buffer = new byte[room];
                    int length;
                    fixed (byte* to = buffer)
                        length = Library.ChatApplyTemplate((byte*)_template, first, (nuint)messages.Length, 1, to, room);
                    if (length < 0)
                        return false;
                    if (length <= room)
                    {
                        prompt = Encoding.UTF8.GetString(buffer, 0, length);
                        return true;
                    }

                    room = length;
                }
            }
        }
        finally
        {
            foreach (var message in messages)
            {
                Marshal.FreeCoTaskMem((nint)message.Role);
                Marshal.FreeCoTaskMem((nint)message.Content);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Handle.Dispose();
        if (_ownsTemplate)
            Marshal.FreeCoTaskMem(_template);
    }

    /// <summary>Makes room to compute in.</summary>
    /// <param name="change">Of the default parameters.</param>
    /// <exception cref="LlamaException">There is not enough memory, or the model is not of this kind.</exception>
    internal ContextHandle CreateContext(Func<ContextParameters, ContextParameters> change)
    {
        NativeLog.Clear();
        var handle = new ContextHandle(Library, Handle, Library.InitFromModel(Handle.Address, change(Library.ContextDefaultParams().Value)));
        if (!handle.IsInvalid)
            return handle;
        handle.Dispose();
        throw new LlamaException($"llama.cpp has made no context: {NativeLog.Said} With fewer slots or a shorter context it takes less memory.");
    }

    private static byte Byte(bool value) => value ? (byte)1 : (byte)0;

    private byte[] ReadPiece(int token)
    {
        var buffer = new byte[64];
        while (true)
        {
            fixed (byte* to = buffer)
            {
                var length = Library.TokenToPiece(_vocabulary, token, to, buffer.Length, 0, 0);
                if (length >= 0)
                    return buffer[..length];
                if (-length > LongestPiece)
                    throw new LlamaException($"Token {token} of the model stands for {-length} bytes.");
                buffer = new byte[-length];
            }
        }
    }

    private string Describe()
    {
        var buffer = stackalloc byte[256];
        _ = Library.ModelDescription(Handle.Address, buffer, 256);
        return Marshal.PtrToStringUTF8((nint)buffer) ?? "";
    }
}
